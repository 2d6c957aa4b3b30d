import { type DuckDBType, DuckDBTypeId } from "@duckdb/node-api";
import {
  AsyncByteQueue,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  type Schema,
  Struct,
} from "apache-arrow";
import type { ResultFormat } from "../format.ts";
import { type RawVector, withColumns } from "../vector/raw-vector.ts";
import { StringVector } from "../vector/string-vector.ts";
import { arrowSchema } from "./arrow-type.ts";
import type { ColumnBuilder } from "./column-builder.ts";
import { makeBuilder } from "./make-builder.ts";

/** Rows of a record batch: eight of the engine's chunks. */
const batchRows = 16_384;
/** Rows of wide text are split so that one batch stays near this size. */
const batchBytes = 16 * 1024 * 1024;

/** An Arrow IPC stream. Ends with the end-of-stream marker only when the result was read to its end. */
export const arrowFormat: ResultFormat = {
  contentType: "application/vnd.apache.arrow.stream",
  async *encode(result) {
    const types = result.columns.map((column) => column.duckType);
    const schema = arrowSchema(result.columns);
    const sink = new CollectingSink();
    const writer = new RecordBatchStreamWriter({ autoDestroy: false });
    writer.reset(sink, schema);
    let batch = new BatchBuilder(types, schema);
    for await (const chunk of result.chunks) {
      const full = withColumns(chunk, types, (columns, rows) => {
        const batches: RecordBatch[] = [];
        for (const { start, count } of slices(columns, rows)) {
          if (batch.append(columns, start, count)) {
            batches.push(batch.finish());
            batch = new BatchBuilder(types, schema);
          }
        }
        return batches;
      });
      for (const done of full) {
        writer.write(done);
        yield* sink.take();
      }
    }
    if (batch.rows > 0) writer.write(batch.finish());
    writer.finish();
    yield* sink.take();
  },
};

class BatchBuilder {
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

  finish(): RecordBatch {
    const children = this.#builders.map((builder) => builder.finish());
    const type = new Struct(this.#schema.fields);
    return new RecordBatch(
      this.#schema,
      makeData({ type, length: this.rows, nullCount: 0, nullBitmap: null, children }),
    );
  }
}

/** The rows of a chunk in runs whose text fits a batch. */
function* slices(
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

/** Keeps what the writer writes until it is taken: the stream is pulled, so nothing piles up. */
class CollectingSink extends AsyncByteQueue<Uint8Array> {
  #parts: Uint8Array[] = [];

  override write(part: Uint8Array): void {
    this.#parts.push(part);
  }

  /** The bytes so far, with small neighbours joined. */
  *take(): Generator<Uint8Array> {
    const parts = this.#parts;
    this.#parts = [];
    let small: Uint8Array[] = [];
    for (const part of parts) {
      if (part.byteLength < 8192) {
        small.push(part);
        continue;
      }
      if (small.length > 0) yield Buffer.concat(small);
      small = [];
      yield part;
    }
    if (small.length > 0) yield Buffer.concat(small);
  }
}
