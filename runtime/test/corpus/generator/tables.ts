import type { Database } from "../../../src/ports/database.ts";
import { awkwardSchema, type TableDef } from "./schema.ts";

/** Make the tables of random statements in a database; `order` is an SQL expression to store the rows by. */
export async function createAwkwardTables(
  database: Database,
  options: { readonly tables?: readonly TableDef[]; readonly order?: string } = {},
): Promise<void> {
  const order = options.order === undefined ? "" : ` ORDER BY ${options.order}`;
  for (const { name, sql } of options.tables ?? awkwardSchema)
    await database.run(`CREATE TABLE ${name} AS SELECT * FROM (${sql})${order}`);
}
