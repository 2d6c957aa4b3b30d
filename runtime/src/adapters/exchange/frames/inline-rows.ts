import type { ChunkStream } from "../../../ports/database.ts";
import type { RepeatedStatements } from "../repeated-statements.ts";
import { InlineFrameWriter } from "./inline-frame.ts";
import type { InlineType } from "./inline-type.ts";
import type { Frame } from "./streamed-frames.ts";

export interface InlineOptions {
  readonly statements: RepeatedStatements;
  /** The statement as it is, not in wire form. */
  readonly sql: string;
  readonly types: readonly InlineType[];
  readonly maxRows: number;
  readonly signal: AbortSignal;
}

/** The whole result as one inline frame; undefined, with nothing left behind, when it is too large or of other types. */
export async function inlineRows(options: InlineOptions): Promise<Frame | undefined> {
  const { statements, sql, types, maxRows, signal } = options;
  const statement = await statements.acquire(sql, () => sql);
  let open = false;
  try {
    const writer = new InlineFrameWriter(types, maxRows);
    // What it reads are versions of partitions, which never change: neither does the size of its result.
    const all = await statement.allIfSmall(signal);
    if (all !== undefined) {
      const fits = sameTypes(all.columns, types) && all.chunks.every((chunk) => writer.add(chunk));
      statement.wasSmall(fits);
      return fits ? { bytes: writer.finish(), rows: writer.rows } : undefined;
    }
    const stream = await statement.stream(signal);
    open = true;
    if (!sameTypes(stream.columns, types)) return undefined;
    for await (const chunk of stream.chunks) if (!writer.add(chunk)) return undefined;
    open = false;
    statement.wasSmall(true);
    return { bytes: writer.finish(), rows: writer.rows };
  } finally {
    if (open) await statement.abandon();
    else statement.release();
  }
}

function sameTypes(columns: ChunkStream["columns"], types: readonly InlineType[]): boolean {
  return (
    columns.length === types.length &&
    columns.every(({ duckType }, i) => duckType.toString() === types[i]?.type.toString())
  );
}
