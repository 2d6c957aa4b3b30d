import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { loadExtension } from "../../../../test/support/duckdb-extensions.ts";
import { openDatabase } from "../../../adapters/duckdb/database.ts";
import type { Database } from "../../../ports/database.ts";
import { print } from "./print.ts";
import { readStatements } from "./read-tree.ts";

let database: Database;
beforeAll(async () => {
  database = await openDatabase({ threads: 1 });
  await database.run(loadExtension("tpch"));
  await database.run(loadExtension("tpcds"));
});
afterAll(() => database.close());

async function parse(sql: string) {
  const [row] = await database.rows("SELECT json_serialize_sql($1::VARCHAR)::VARCHAR AS tree", {
    parameters: [sql],
  });
  const [statement] = readStatements(String(row?.["tree"]));
  if (statement === undefined) throw new Error("no statement");
  return statement.node;
}

/** The tree without places. */
function shape(tree: unknown): string {
  return JSON.stringify(tree, (key, value: unknown) =>
    key === "query_location" ? undefined : typeof value === "bigint" ? String(value) : value,
  );
}

const statements = [
  "SELECT a, count(*) FILTER (WHERE b > 1) FROM t AS x(q, w) GROUP BY ALL ORDER BY 1 DESC NULLS LAST LIMIT 3 OFFSET 1",
  "SELECT * FROM (a CROSS JOIN b) LEFT JOIN c ON a.x = c.x",
  "FROM a, (b JOIN c ON true) LEFT JOIN (d JOIN e ON true) ON true",
  "SELECT 1 FROM a NATURAL JOIN b SEMI JOIN c USING (x) ANTI JOIN d ON true FULL JOIN e USING (y, z)",
  "SELECT 1 UNION BY NAME (SELECT 2 ORDER BY 1 LIMIT 1) EXCEPT ALL SELECT 3 ORDER BY ALL",
  "WITH RECURSIVE r AS (SELECT 1 x UNION ALL SELECT x + 1 FROM r) SELECT * FROM r LIMIT 10%",
  "SELECT sum(a) OVER (PARTITION BY b ORDER BY c DESC NULLS FIRST ROWS BETWEEN 2 PRECEDING AND CURRENT ROW EXCLUDE TIES), lag(a, 1, 0 IGNORE NULLS) OVER w FROM t WINDOW w AS (ORDER BY x RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND UNBOUNDED FOLLOWING)",
  "SELECT x[1:2:3], x[:], x[2:], x[-1], x[:-:2], {'a': 1}['a'], MAP {'a': 1}, ARRAY[1, 2], [y FOR y IN l IF y > 1]",
  "SELECT 0.5, .5, 1.50, 1e-5, 123456789012345678901234567890, 9223372036854775807, 'it''s', NULL, -2.5, 18446744073709551615",
  "SELECT CAST(a AS STRUCT(x INTEGER, \"y z\" VARCHAR[])[3]), a::ENUM('x', 'y'), a::MAP(INTEGER, VARCHAR), a::DECIMAL(4, 1), a::my_type, a::UNION(b INTEGER)",
  "SELECT a -> 'b' ->> 'c', a ** b, a // b, a <-> b, ~a, @a, a!, NOT a, -a, a COLLATE nocase, a BETWEEN 1 AND 2, a NOT IN (SELECT 1)",
  "SELECT * EXCLUDE (a) REPLACE (b + 1 AS b) RENAME (c AS d), COLUMNS(c -> c LIKE 'a%'), *COLUMNS('x.*') FROM t",
  "FROM (PIVOT t ON a IN (1, 2) USING sum(b) AS s GROUP BY c)",
  "FROM t UNPIVOT INCLUDE NULLS (v FOR k IN (a AS 'x', b))",
  "SELECT a > ALL (SELECT 2), EXISTS (SELECT 1), (a, b) IN (SELECT 1, 2), TRY(a), list_transform(l, lambda x, i: x + i) FROM t TABLESAMPLE reservoir(10 ROWS) REPEATABLE (1)",
  "SELECT DISTINCT ON (a) a FROM unnest([1, 2]) WITH ORDINALITY AS u(x, o) QUALIFY true",
];

describe("print", () => {
  test.each(statements)("%s", async (sql) => {
    const tree = await parse(sql);
    expect(shape(await parse(print.query(tree)))).toBe(shape(tree));
  });

  test.each(["tpch", "tpcds"])("every query of %s", async (name) => {
    const rows = await database.rows(`SELECT query FROM ${name}_queries()`);
    expect(rows.length).toBeGreaterThan(20);
    for (const { query } of rows) {
      const tree = await parse(String(query));
      // GROUPING SETS list the same keys in the order of the sets.
      const normal = (text: string) =>
        text.includes('"group_sets":[[') ? text.replaceAll(/"group_\w+":\[.*?\]\]/g, "") : text;
      expect(normal(shape(await parse(print.query(tree))))).toBe(normal(shape(tree)));
    }
  });
});
