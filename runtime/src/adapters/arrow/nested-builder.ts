import {
  type Data,
  DataType,
  type FixedSizeList,
  type List,
  type Map_,
  makeData,
  type SparseUnion,
  type Struct,
} from "apache-arrow";
import { isValid, listEntry, type RawVector } from "../duckdb/vector/raw-vector.ts";
import type { ColumnBuilder } from "./column-builder.ts";
import { ValidityBuilder } from "./validity.ts";

/** Lists, and maps as lists of entries. */
export class ListBuilder implements ColumnBuilder {
  readonly #type: List | Map_;
  readonly #child: ColumnBuilder;
  readonly #validity = new ValidityBuilder();
  readonly #offsets: number[] = [0];

  constructor(type: List | Map_, child: ColumnBuilder) {
    this.#type = type;
    this.#child = child;
  }

  append(vector: RawVector, start: number, count: number): void {
    const items = vector.children[0]!;
    // Elements that follow each other in the engine are copied in one run.
    let runStart = 0;
    let runLength = 0;
    let end = this.#offsets.at(-1)!;
    for (let row = start; row < start + count; row++) {
      if (isValid(vector, row)) {
        const { offset, length } = listEntry(vector, row);
        if (length > 0) {
          if (offset !== runStart + runLength) {
            if (runLength > 0) this.#child.append(items, runStart, runLength);
            runStart = offset;
            runLength = 0;
          }
          runLength += length;
          end += length;
        }
      }
      this.#offsets.push(end);
    }
    if (runLength > 0) this.#child.append(items, runStart, runLength);
    this.#validity.append(vector, start, count);
  }

  finish(): Data {
    const properties = {
      ...this.#validity.finish(),
      valueOffsets: Int32Array.from(this.#offsets),
    };
    const type: DataType = this.#type;
    return DataType.isMap(type)
      ? makeData({ ...properties, type, child: this.#child.finish() })
      : makeData({ ...properties, type: this.#type as List, child: this.#child.finish() });
  }

  reset(): void {
    this.#child.reset();
    this.#validity.reset();
    this.#offsets.length = 1;
  }
}

/** Arrays of a fixed length. A NULL array has its elements all the same. */
export class ArrayBuilder implements ColumnBuilder {
  readonly #type: FixedSizeList;
  readonly #child: ColumnBuilder;
  readonly #validity = new ValidityBuilder();

  constructor(type: FixedSizeList, child: ColumnBuilder) {
    this.#type = type;
    this.#child = child;
  }

  append(vector: RawVector, start: number, count: number): void {
    const size = this.#type.listSize;
    this.#child.append(vector.children[0]!, start * size, count * size);
    this.#validity.append(vector, start, count);
  }

  finish(): Data {
    return makeData({
      type: this.#type,
      ...this.#validity.finish(),
      child: this.#child.finish(),
    });
  }

  reset(): void {
    this.#child.reset();
    this.#validity.reset();
  }
}

export class StructBuilder implements ColumnBuilder {
  readonly #type: Struct;
  readonly #fields: readonly ColumnBuilder[];
  readonly #validity = new ValidityBuilder();

  constructor(type: Struct, fields: readonly ColumnBuilder[]) {
    this.#type = type;
    this.#fields = fields;
  }

  append(vector: RawVector, start: number, count: number): void {
    for (const [i, field] of this.#fields.entries()) field.append(vector.children[i]!, start, count);
    this.#validity.append(vector, start, count);
  }

  finish(): Data {
    return makeData({
      type: this.#type,
      ...this.#validity.finish(),
      children: this.#fields.map((field) => field.finish()),
    });
  }

  reset(): void {
    for (const field of this.#fields) field.reset();
    this.#validity.reset();
  }
}

/** Unions: as in the engine every member is as long as the union, and a tag says which one counts. */
export class UnionBuilder implements ColumnBuilder {
  readonly #type: SparseUnion;
  readonly #members: readonly ColumnBuilder[];
  readonly #tags: number[] = [];

  constructor(type: SparseUnion, members: readonly ColumnBuilder[]) {
    this.#type = type;
    this.#members = members;
  }

  append(vector: RawVector, start: number, count: number): void {
    const [tags, ...members] = vector.children;
    for (let row = start; row < start + count; row++) {
      // Arrow's unions have no NULLs of their own: a NULL is a NULL of the first member.
      this.#tags.push(isValid(vector, row) && isValid(tags!, row) ? tags!.data[row]! : 0);
    }
    for (const [i, member] of this.#members.entries()) member.append(members[i]!, start, count);
  }

  finish(): Data {
    return makeData({
      type: this.#type,
      length: this.#tags.length,
      nullCount: 0,
      typeIds: Int8Array.from(this.#tags),
      children: this.#members.map((member) => member.finish()),
    });
  }

  reset(): void {
    for (const member of this.#members) member.reset();
    this.#tags.length = 0;
  }
}
