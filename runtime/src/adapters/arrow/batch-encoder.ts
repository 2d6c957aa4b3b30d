import type { DuckDBDataChunk, DuckDBType } from "@duckdb/node-api";
import { AsyncByteQueue, RecordBatchStreamWriter, type Schema } from "apache-arrow";
import { withColumns } from "../duckdb/vector/raw-vector.ts";
import { BatchBuilder, slices } from "./batch-builder.ts";

/** One record batch as a complete message of Arrow's IPC stream format. */
export interface BatchMessage {
  readonly rows: number;
  readonly bytes: Uint8Array;
}

/** What ends an IPC stream: without it a reader knows that rows are missing. */
export const endOfStream: Uint8Array = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);

/** True for bytes that begin a message of an IPC stream. */
export function isBatchMessage(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xff && bytes[2] === 0xff && bytes[3] === 0xff;
}

/** Turns chunks of the engine into record batches. No batch needs another one: they may be read in any order. */
export class BatchEncoder {
  /** The stream's first message. */
  readonly schemaMessage: Uint8Array;
  readonly #types: readonly DuckDBType[];
  readonly #sink = new CollectingSink();
  readonly #writer = new RecordBatchStreamWriter({ autoDestroy: false });
  readonly #batch: BatchBuilder;

  constructor(types: readonly DuckDBType[], schema: Schema) {
    this.#types = types;
    this.#writer.reset(this.#sink, schema);
    this.schemaMessage = this.#sink.take();
    this.#batch = new BatchBuilder(types, schema);
  }

  /** Add the rows of a chunk; gives the batches that are full now. Nothing of the chunk is kept. */
  add(chunk: DuckDBDataChunk): readonly BatchMessage[] {
    return withColumns(chunk, this.#types, (columns, rows) => {
      const full: BatchMessage[] = [];
      for (const { start, count } of slices(columns, rows)) {
        if (this.#batch.append(columns, start, count)) full.push(this.#cut());
      }
      return full;
    });
  }

  /** The rows that are in no batch yet. */
  flush(): readonly BatchMessage[] {
    return this.#batch.rows > 0 ? [this.#cut()] : [];
  }

  #cut(): BatchMessage {
    const { rows } = this.#batch;
    this.#writer.write(this.#batch.finish());
    const bytes = this.#sink.take();
    this.#batch.reset();
    return { rows, bytes };
  }
}

/** Keeps what the writer writes until it is taken. */
class CollectingSink extends AsyncByteQueue<Uint8Array> {
  #parts: Uint8Array[] = [];

  override write(part: Uint8Array): void {
    this.#parts.push(part);
  }

  /** A copy of what was written since the last call. */
  take(): Uint8Array {
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    return bytes;
  }
}
