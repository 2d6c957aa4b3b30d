import { describe, expect, test } from "@jest/globals";
import { type BoundScan, plainFragmentSql } from "./fragment-sql.ts";

const scan = (...relations: string[]): BoundScan => ({
  name: "__scan_0",
  relations,
  columns: [{ name: "a", type: "INTEGER" }],
});

describe("a fragment over its scans", () => {
  test("reads the only relation of its only scan under its own name", () => {
    const sql = `SELECT "a", '"__scan_0"', "it's" FROM "__scan_0" AS "t" WHERE "s" = 'x''"__scan_0"'`;
    expect(plainFragmentSql(sql, [scan('"f"."main"."p$&"')])).toBe(
      `SELECT * FROM (SELECT "a", '"__scan_0"', "it's" FROM "f"."main"."p$&" AS "t" WHERE "s" = 'x''"__scan_0"'\n) AS f`,
    );
  });

  test.each([
    ["several relations", 'SELECT "a" FROM "__scan_0"', [scan('"p"', '"q"')]],
    ["no relation", 'SELECT "a" FROM "__scan_0"', [scan()]],
    ["two scans", 'SELECT "a" FROM "__scan_0"', [scan('"p"'), { ...scan('"q"'), name: "__scan_1" }]],
    ["row ids", 'SELECT "rowid" FROM "__scan_0"', [scan('"p"')]],
    ["a name that is not quoted", "SELECT a FROM __scan_0", [scan('"p"')]],
  ])("has a common table expression with %s", (_, sql, scans) => {
    const text = plainFragmentSql(sql, scans);
    expect(text).toContain('WITH "__scan_0" AS NOT MATERIALIZED (');
    expect(text.endsWith(`SELECT * FROM (${sql}\n) AS f`)).toBe(true);
  });
});
