import { decodeSelect, emptyWireRelation, type WireColumn } from "../../../core/query/wire-type.ts";
import { quoteLiteral } from "../../../core/sql/quote.ts";
import type { FragmentResult, FragmentStats } from "../../../ports/exchange.ts";
import type { Spool } from "../../../ports/spool.ts";

/** Keep all frames of a fragment in a spool. `sql` can stand after FROM: their rows with the columns' types restored. */
export async function collect(
  spool: Spool,
  result: FragmentResult,
  columns: readonly WireColumn[],
): Promise<{ readonly sql: string; readonly stats: FragmentStats }> {
  const files: string[] = [];
  for await (const frame of result.frames) files.push(await spool.write(frame));
  const source =
    files.length === 0 ? emptyWireRelation(columns) : `read_parquet([${files.map(quoteLiteral).join(", ")}])`;
  return { sql: `(${decodeSelect(source, columns)})`, stats: await result.stats };
}
