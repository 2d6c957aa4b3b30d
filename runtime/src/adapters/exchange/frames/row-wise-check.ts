import { isRowWise } from "../../../core/query/row-wise.ts";
import type { Database } from "../../../ports/database.ts";

/** Asks the engine whether a statement only projects and filters one relation; its functions are looked up once. */
export class RowWiseCheck {
  readonly #database: Database;
  #scalar: Promise<ReadonlySet<string>> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  async isRowWise(sql: string, relation: string): Promise<boolean> {
    this.#scalar ??= this.#load();
    const [row] = await this.#database.rows("SELECT json_serialize_sql($1::VARCHAR)::VARCHAR AS tree", {
      parameters: [sql],
    });
    return isRowWise(JSON.parse(String(row?.["tree"])), relation, await this.#scalar);
  }

  async #load(): Promise<ReadonlySet<string>> {
    const rows = await this.#database.rows(
      "SELECT lower(function_name) AS name FROM duckdb_functions() GROUP BY ALL HAVING bool_and(function_type = 'scalar') AND name <> 'unnest'",
    );
    return new Set(rows.map(({ name }) => String(name)));
  }
}
