import type { PlannedFragment } from "../../core/query/plan/distributed-plan.ts";
import { decodeSelect, emptyWireRelation } from "../../core/query/wire-type.ts";
import { quoteIdentifier, quoteLiteral } from "../../core/sql/quote.ts";

/** The rows of a fragment's frames, with the columns that the final statement expects. */
export function rowsOfFiles(fragment: PlannedFragment, files: readonly string[]): string {
  const source =
    files.length === 0
      ? `${emptyWireRelation(fragment.columns)} AS w`
      : `read_parquet([${files.map(quoteLiteral).join(", ")}])`;
  const columns = fragment.columns.map(({ type }, i) => ({ name: `c${i}`, type }));
  const items = fragment.relationColumns.map(({ name, type, source: from }) => {
    const value = from === undefined ? `CAST(NULL AS ${type})` : `c${from}`;
    return name === "" ? value : `${value} AS ${quoteIdentifier(name)}`;
  });
  return `SELECT ${items.join(", ")} FROM (${decodeSelect(source, columns)}) AS d`;
}

/** The final statement with the fragments' relations in place of their names. */
export function withRelations(sql: string, relations: ReadonlyMap<string, string>): string {
  let text = sql;
  for (const [name, relation] of relations) text = text.replaceAll(quoteIdentifier(name), relation);
  return text;
}
