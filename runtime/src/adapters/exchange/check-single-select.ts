import type { Database } from "../../ports/database.ts";
import { SqlError } from "../../ports/database.ts";

/**
 * A check that lets through exactly one SELECT, by the engine's own parser.
 * @throws SqlError of category `Parser` or `Not allowed`.
 */
export function checkSingleSelect(database: Database): (sql: string) => Promise<void> {
  return async (sql) => {
    const [row] = await database.rows(
      "SELECT t ->> '$.error' AS error, t ->> '$.error_message' AS message, json_array_length(t, '$.statements') AS n " +
        "FROM (SELECT json_serialize_sql($1::VARCHAR) AS t)",
      { parameters: [sql] },
    );
    if (row?.["error"] === "true") {
      throw new SqlError(String(row["message"]), { category: "Parser", sql });
    }
    if (row?.["n"] !== "1") {
      throw new SqlError(`A fragment is one statement, not ${row?.["n"]}`, { category: "Not allowed", sql });
    }
  };
}
