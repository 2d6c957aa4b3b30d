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
    const stream = await statement.stream(signal);
    open = true;
    const same =
      stream.columns.length === types.length &&
      stream.columns.every(({ duckType }, i) => duckType.toString() === types[i]?.type.toString());
    if (!same) return undefined;
    const writer = new InlineFrameWriter(types, maxRows);
    for await (const chunk of stream.chunks) if (!writer.add(chunk)) return undefined;
    open = false;
    return { bytes: writer.finish(), rows: writer.rows };
  } finally {
    if (open) await statement.abandon();
    else statement.release();
  }
}
