import { duckdbMacros } from "../../core/partition/sql/duckdb-macros.ts";
import type { Database } from "../../ports/database.ts";

/** Give a database `bucket` and `truncate`, for partitioning and for users' SQL. */
export async function installPartitionMacros(database: Database): Promise<void> {
  await database.withConnection(async (connection) => {
    for (const macro of duckdbMacros) await connection.run(macro);
  });
}
