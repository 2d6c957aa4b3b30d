import type { FragmentReduction, PlannedFragment } from "../../core/query/plan/distributed-plan.ts";
import { quoteLiteral } from "../../core/sql/quote.ts";
import type { Database } from "../../ports/database.ts";
import { rowsOfFiles } from "./relation.ts";

/** More keys than this go as their range: a longer list costs more to send and test than it saves. */
const maxKeys = 10_000;

/** The values of one fragment's column as a condition on another's, as SQL over that other's column. */
export async function keyCondition(
  reduction: FragmentReduction,
  source: PlannedFragment,
  files: readonly string[],
  database: Database,
  signal: AbortSignal,
): Promise<string> {
  const { column, type, position } = reduction;
  if (position < 0) return "true";
  // The rows of the source, under its positions instead of its names.
  const rows = rowsOfFiles({ ...source, relationColumns: [{ name: "k", type, source: position }] }, files);
  const keys = await database.rows(
    `SELECT DISTINCT CAST(k AS VARCHAR) AS k FROM (${rows}) AS s WHERE k IS NOT NULL LIMIT ${maxKeys + 1}`,
    { signal },
  );
  if (keys.length === 0) return "false";
  if (keys.length <= maxKeys) {
    return `${column} IN (${keys.map(({ k }) => literal(String(k), type)).join(", ")})`;
  }
  const [range] = await database.rows(
    `SELECT CAST(min(k) AS VARCHAR) AS low, CAST(max(k) AS VARCHAR) AS high FROM (${rows}) AS s`,
    { signal },
  );
  return `${column} BETWEEN ${literal(String(range?.["low"]), type)} AND ${literal(String(range?.["high"]), type)}`;
}

function literal(text: string, type: string): string {
  if (/INT/.test(type) && /^\d{1,9}$/.test(text)) return text;
  return type === "VARCHAR" ? quoteLiteral(text) : `CAST(${quoteLiteral(text)} AS ${type})`;
}
