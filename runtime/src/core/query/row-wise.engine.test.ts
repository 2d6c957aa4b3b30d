import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { openDatabase } from "../../adapters/duckdb/database.ts";
import type { Database } from "../../ports/database.ts";
import { isRowWise } from "./row-wise.ts";

let database: Database;
beforeAll(async () => {
  database = await openDatabase({ threads: 1 });
});
afterAll(() => database.close());

async function rowWise(sql: string): Promise<boolean> {
  const [row] = await database.rows("SELECT json_serialize_sql($1::VARCHAR)::VARCHAR AS tree", {
    parameters: [sql],
  });
  return isRowWise(
    JSON.parse(String(row?.["tree"])),
    "t",
    new Set(["+", "%", "lower", "list_value", "list_transform"]),
  );
}

test.each([
  "SELECT * FROM t",
  "SELECT a + 1 AS x, lower(b), CASE WHEN a BETWEEN 1 AND 2 THEN b::VARCHAR END FROM t AS u WHERE a % 2 = 0 AND b IN ('x')",
  "SELECT list_transform([a], lambda x: x + 1) FROM T",
])("%s can be read in slices", async (sql) => expect(await rowWise(sql)).toBe(true));

test.each([
  "SELECT count(*) FROM t",
  "SELECT lower(max(b)) FROM t",
  "SELECT unknown_function(a) FROM t",
  "SELECT DISTINCT a FROM t",
  "SELECT a FROM t LIMIT 10",
  "SELECT a FROM t ORDER BY a",
  "SELECT a FROM t GROUP BY a",
  "SELECT a FROM t GROUP BY ALL",
  "SELECT a FROM t QUALIFY row_number() OVER () = 1",
  "SELECT row_number() OVER () FROM t",
  "SELECT lower(b) FILTER (a) FROM t",
  "SELECT a FROM t USING SAMPLE 10",
  "SELECT a FROM t TABLESAMPLE 10%",
  "SELECT a FROM t WHERE a = (SELECT 1)",
  "SELECT a FROM t, t u",
  "SELECT a FROM t UNION ALL SELECT a FROM t",
  "SELECT a FROM other",
  "SELECT a FROM s.t",
  "SELECT a FROM (SELECT a FROM t LIMIT 1)",
  "WITH t AS (SELECT 1 AS a) SELECT a FROM t",
  "SELECT 1; SELECT a FROM t",
  "DROP TABLE t",
])("%s cannot", async (sql) => expect(await rowWise(sql)).toBe(false));
