import { openDatabase } from "../../src/adapters/duckdb/database.ts";
import type { Database } from "../../src/ports/database.ts";

/**
 * A database to take the truth from. DuckDB 1.5.5 pushes filters that a join finds at run time below the LIMIT of the
 * other side (`ORDER BY … LIMIT` in a derived table that is compared with a subquery): with several threads it then
 * gives other rows from one run to the next. The truth does without.
 */
export function openTruth(threads = 2): Promise<Database> {
  return openDatabase({ threads, settings: { disabled_optimizers: "join_filter_pushdown" } });
}
