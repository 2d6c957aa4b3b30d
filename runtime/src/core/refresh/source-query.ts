import { quoteIdentifier } from "../sql/quote.ts";

/** The rows that a refresh keeps: the source's relation, narrowed by predicates, through `refresh_sql`. */
export interface SourceQuery {
  /** SQL usable after FROM. */
  readonly relation: string;
  /** The dataset's name as `refresh_sql` refers to it, a single identifier. */
  readonly name: string;
  readonly refreshSql?: string;
  readonly predicates: readonly string[];
}

/** One SELECT; the predicates are inside, so that the engine pushes them into the source. */
export function sourceQuery(query: SourceQuery): string {
  const where =
    query.predicates.length === 0 ? "" : ` WHERE ${query.predicates.map((p) => `(${p})`).join(" AND ")}`;
  const rows = `SELECT * FROM ${query.relation}${where}`;
  if (query.refreshSql === undefined) return rows;
  const sql = query.refreshSql.trim().replace(/;\s*$/, "");
  return `WITH ${quoteIdentifier(query.name)} AS (${rows}) SELECT * FROM (${sql})`;
}
