import { type Binary, type Data, DataType, makeData, type Utf8 } from "apache-arrow";
import { type CellText, scalarText } from "../duckdb/text/scalar-text.ts";
import { isValid, type RawVector } from "../duckdb/vector/raw-vector.ts";
import { StringVector } from "../duckdb/vector/string-vector.ts";
import { type ColumnBuilder, GrowingBuffer } from "./column-builder.ts";
import { ValidityBuilder } from "./validity.ts";

/** Writes the bytes of one row. */
interface RowWriter {
  /** The most bytes that the rows can take. */
  readonly bound: number;
  write(row: number, target: GrowingBuffer): void;
}

type MakeWriter = (vector: RawVector, start: number, count: number) => RowWriter;

/** Strings and blobs: offsets and one run of bytes. */
export class BytesBuilder implements ColumnBuilder {
  readonly #type: Utf8 | Binary;
  readonly #writer: MakeWriter;
  readonly #validity = new ValidityBuilder();
  readonly #values: GrowingBuffer;
  #offsets: Int32Array;

  constructor(type: Utf8 | Binary, capacity: number, writer: MakeWriter = engineBytes) {
    this.#type = type;
    this.#writer = writer;
    this.#values = new GrowingBuffer(capacity * 16);
    this.#offsets = new Int32Array(capacity + 1);
  }

  append(vector: RawVector, start: number, count: number): void {
    const writer = this.#writer(vector, start, count);
    const values = this.#values;
    values.reserve(writer.bound);
    this.#reserveOffsets(count);
    const offsets = this.#offsets;
    const from = this.#validity.length;
    for (let i = 0; i < count; i++) {
      if (vector.validity === null || isValid(vector, start + i)) writer.write(start + i, values);
      offsets[from + i + 1] = values.length;
    }
    if (values.length > 0x7fff_ffff) {
      throw new RangeError("A record batch of this result has more than 2 GiB of text in one nested column");
    }
    this.#validity.append(vector, start, count);
  }

  finish(): Data {
    const properties = {
      ...this.#validity.finish(),
      valueOffsets: this.#offsets.subarray(0, this.#validity.length + 1),
      data: this.#values.finish(),
    };
    const type: DataType = this.#type;
    return DataType.isUtf8(type)
      ? makeData({ ...properties, type })
      : makeData({ ...properties, type: this.#type as Binary });
  }

  reset(): void {
    this.#values.reset();
    this.#validity.reset();
  }

  #reserveOffsets(count: number): void {
    const needed = this.#validity.length + count + 1;
    if (needed <= this.#offsets.length) return;
    const larger = new Int32Array(Math.max(needed, 2 * this.#offsets.length));
    larger.set(this.#offsets);
    this.#offsets = larger;
  }
}

const engineBytes: MakeWriter = (vector, start, count) => {
  const strings = new StringVector(vector, start, count);
  return {
    bound: strings.totalBytes,
    write: (row, target) => {
      target.length = strings.copy(row, target.bytes, target.length);
    },
  };
};

/** Types without an Arrow form, as the text that the other formats show. */
export function asText(): MakeWriter {
  let last: { readonly vector: RawVector; readonly text: CellText } | undefined;
  return (vector) => {
    if (last?.vector !== vector) {
      const text = scalarText(vector)?.text;
      if (text === undefined) throw new Error(`Results of type ${vector.type.toString()} have no text`);
      last = { vector, text };
    }
    const { text } = last;
    return {
      bound: 0,
      write: (row, target) => {
        const value = text(row);
        // At most three bytes for each UTF-16 unit.
        target.reserve(value.length * 3);
        target.length += target.bytes.write(value, target.length, "utf8");
      },
    };
  };
}
