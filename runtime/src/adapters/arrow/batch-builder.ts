import { type DuckDBType, DuckDBTypeId } from "@duckdb/node-api";
import { makeData, RecordBatch, type Schema, Struct } from "apache-arrow";
import type { RawVector } from "../duckdb/vector/raw-vector.ts";
import { StringVector } from "../duckdb/vector/string-vector.ts";
import type { ColumnBuilder } from "./column-builder.ts";
import { makeBuilder } from "./make-builder.ts";

/** Rows of a record batch: eight of the engine's chunks. */
const batchRows = 16_384;
/** Rows of wide text are split so that one batch stays near this size. */
const batchBytes = 16 * 1024 * 1024;

/** Collects the rows of one record batch after another. */
export class BatchBuilder {
  readonly #schema: Schema;
  readonly #builders: readonly ColumnBuilder[];
  rows = 0;
  #bytes = 0;

  constructor(types: readonly DuckDBType[], schema: Schema) {
    this.#schema = schema;
    this.#builders = types.map((type, i) => makeBuilder(type, schema.fields[i]!.type, batchRows));
  }

  /** Add rows; true when the batch is full. */
  append(columns: readonly RawVector[], start: number, count: number): boolean {
    for (const [i, builder] of this.#builders.entries()) builder.append(columns[i]!, start, count);
    this.rows += count;
    this.#bytes += textBytes(columns, start, count);
    return this.rows >= batchRows || this.#bytes >= batchBytes / 2;
  }

  /** The batch, whose memory is the builder's: it ends with `reset`. */
  finish(): RecordBatch {
    const children = this.#builders.map((builder) => builder.finish());
    const type = new Struct(this.#schema.fields);
    return new RecordBatch(
      this.#schema,
      makeData({ type, length: this.rows, nullCount: 0, nullBitmap: null, children }),
    );
  }

  /** Begin the next batch. */
  reset(): void {
    for (const builder of this.#builders) builder.reset();
    this.rows = 0;
    this.#bytes = 0;
  }
}

/** The rows of a chunk in runs whose text fits a batch. */
export function* slices(
  columns: readonly RawVector[],
  rows: number,
): Generator<{ readonly start: number; readonly count: number }> {
  const pieces = Math.min(rows, Math.ceil(textBytes(columns, 0, rows) / batchBytes));
  const step = pieces <= 1 ? rows : Math.ceil(rows / pieces);
  for (let start = 0; start < rows; start += step) yield { start, count: Math.min(step, rows - start) };
}

function textBytes(columns: readonly RawVector[], start: number, count: number): number {
  let bytes = 0;
  for (const column of columns) {
    const { typeId } = column.type;
    if (typeId === DuckDBTypeId.VARCHAR || typeId === DuckDBTypeId.BLOB) {
      bytes += StringVector.totalBytes(column, start, count);
    }
  }
  return bytes;
}
