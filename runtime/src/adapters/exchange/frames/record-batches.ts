import type { DuckDBType } from "@duckdb/node-api";
import { arrowSchema } from "../../arrow/arrow-type.ts";
import { BatchEncoder } from "../../arrow/batch-encoder.ts";
import { duckType } from "../../duckdb/duck-type.ts";
import type { RepeatedStatements } from "../repeated-statements.ts";
import type { Frame } from "./streamed-frames.ts";

export interface RecordBatchOptions {
  readonly statements: RepeatedStatements;
  /** The statement as it is, not in wire form. */
  readonly sql: string;
  /** Types of its columns, from {@link batchTypes}. */
  readonly types: readonly DuckDBType[];
  /** Waits for a turn to compute; gives the function that ends the turn. */
  readonly turn: () => Promise<() => void>;
  readonly signal: AbortSignal;
}

/** The types of columns that may travel as record batches; undefined when one of them travels as Parquet only. */
export function batchTypes(columns: readonly { readonly type: string }[]): readonly DuckDBType[] | undefined {
  const types = columns.map(({ type }) => duckType(type));
  return types.every((type) => type !== undefined) ? types : undefined;
}

/**
 * The result as frames that are record batches, encoded at the pace of whoever pulls them: the engine stops when its
 * small buffer is full, and no turn is held while nobody pulls. Returns false, without a frame and with nothing left
 * behind, when the engine's columns have other types.
 */
export async function* recordBatchFrames(options: RecordBatchOptions): AsyncGenerator<Frame, boolean> {
  const { statements, sql, types, turn, signal } = options;
  let end = await turn();
  try {
    const statement = await statements.acquire(sql, () => sql);
    let open = false;
    try {
      const { columns, chunks } = await statement.stream(signal);
      open = true;
      const same =
        columns.length === types.length &&
        columns.every(({ duckType: type }, i) => type.toString() === types[i]?.toString());
      if (!same) return false;
      const encoder = new BatchEncoder(types, arrowSchema(columns));
      for await (const chunk of chunks) {
        for (const batch of encoder.add(chunk)) {
          end();
          yield batch;
          end = await turn();
        }
        signal.throwIfAborted();
      }
      open = false;
      end();
      yield* encoder.flush();
      return true;
    } finally {
      if (open) await statement.abandon();
      else statement.release();
    }
  } finally {
    end();
  }
}
