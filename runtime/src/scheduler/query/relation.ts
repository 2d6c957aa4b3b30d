import { inlineTypes } from "../../adapters/exchange/frames/inline-type.ts";
import { inlineValues } from "../../adapters/exchange/frames/inline-values.ts";
import type { PlannedFragment } from "../../core/query/plan/distributed-plan.ts";
import { decodeSelect, emptyWireRelation } from "../../core/query/wire-type.ts";
import { quoteIdentifier, quoteLiteral } from "../../core/sql/quote.ts";
import type { ListParameter } from "../../ports/database.ts";

/** What came of a fragment: Parquet files, and inline frames. */
export interface FragmentRows {
  readonly files: readonly string[];
  readonly inline: readonly Uint8Array[];
}

/** The rows of a fragment's frames, with the columns that the final statement expects. */
export function rowsOfFiles(fragment: PlannedFragment, files: readonly string[]): string {
  const source =
    files.length === 0
      ? `${emptyWireRelation(fragment.columns)} AS w`
      : `read_parquet([${files.map(quoteLiteral).join(", ")}])`;
  const columns = fragment.columns.map(({ type }, i) => ({ name: `c${i}`, type }));
  return `SELECT ${relationItems(fragment)} FROM (${decodeSelect(source, columns)}) AS d`;
}

/** The same of everything that came; the values of inline frames are added to the parameters of the statement. */
export function rowsOfFragment(
  fragment: PlannedFragment,
  rows: FragmentRows,
  parameters: ListParameter[],
): string {
  if (rows.inline.length === 0) return rowsOfFiles(fragment, rows.files);
  const inline = rowsOfFrames(fragment, rows.inline, parameters);
  return rows.files.length === 0 ? inline : `${inline} UNION ALL ${rowsOfFiles(fragment, rows.files)}`;
}

function rowsOfFrames(
  fragment: PlannedFragment,
  frames: readonly Uint8Array[],
  parameters: ListParameter[],
): string {
  const types = inlineTypes(fragment.columns);
  if (types === undefined) throw new Error(`Fragment ${fragment.id} sent rows that it was not asked for`);
  const columns = inlineValues(frames, types);
  const lists = types.map(({ type }, i) => {
    parameters.push({ elementType: type, values: columns[i] ?? [] });
    return `unnest(CAST($${parameters.length} AS ${type.toString()}[])) AS c${i}`;
  });
  return `SELECT ${relationItems(fragment)} FROM (SELECT ${lists.join(", ")}) AS d`;
}

function relationItems(fragment: PlannedFragment): string {
  const items = fragment.relationColumns.map(({ name, type, source: from }) => {
    const value = from === undefined ? `CAST(NULL AS ${type})` : `c${from}`;
    return name === "" ? value : `${value} AS ${quoteIdentifier(name)}`;
  });
  return items.join(", ");
}

/** The final statement with the fragments' relations in place of their names. */
export function withRelations(sql: string, relations: ReadonlyMap<string, string>): string {
  let text = sql;
  for (const [name, relation] of relations) text = text.replaceAll(quoteIdentifier(name), () => relation);
  return text;
}
