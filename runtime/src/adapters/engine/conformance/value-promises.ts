import assert from "node:assert/strict";
import type { Database, Json } from "../../../ports/database.ts";
import {
  type ConformanceSubject,
  conformanceDataset,
  type DirectoryTest,
  overwrite,
  columns as standard,
  unit,
} from "./subject.ts";

/** Values at the edge of their types, as SQL: what storage formats get wrong. */
const edges: Readonly<Record<string, readonly string[]>> = {
  BOOLEAN: ["true", "false"],
  TINYINT: ["-128", "127"],
  UBIGINT: ["0", "18446744073709551615"],
  BIGINT: ["-9223372036854775808", "9223372036854775807"],
  HUGEINT: ["-170141183460469231731687303715884105728", "170141183460469231731687303715884105727"],
  FLOAT: ["'nan'", "'-infinity'", "'infinity'", "1e-45", "3.4028234e38"],
  DOUBLE: ["'nan'", "'-infinity'", "'infinity'", "5e-324", "1.7976931348623157e308", "0.1"],
  "DECIMAL(38,10)": ["-9999999999999999999999999999.9999999999", "0.0000000001"],
  "DECIMAL(4,1)": ["-999.9", "999.9"],
  VARCHAR: ["''", "'null'", "' '", "'é🦆'", "repeat('x', 100000)", "chr(0)"],
  BLOB: ["''", "'\\x00\\xFF'"],
  UUID: ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
  DATE: ["'1969-12-31'", "'0044-03-15 (BC)'", "'9999-12-31'", "'infinity'"],
  TIME: ["'00:00:00'", "'23:59:59.999999'"],
  TIMESTAMP: ["'1969-12-31 23:59:59.999999'", "'0001-01-01 00:00:00'", "'-infinity'"],
  "TIMESTAMP WITH TIME ZONE": ["'2024-02-29 12:00:00.123456+02'", "'infinity'"],
  TIMESTAMP_NS: ["'2024-01-01 00:00:00.123456789'"],
  "TIME WITH TIME ZONE": ["'12:00:00+02'"],
  INTERVAL: ["'1 month 2 days 3 microseconds'", "'-1 day'"],
  JSON: ["'{\"a\": [1, null]}'"],
  "INTEGER[]": ["[]", "[1, NULL]"],
  "STRUCT(a INTEGER, b VARCHAR)": ["{'a': NULL, 'b': ''}"],
  "MAP(VARCHAR, INTEGER)": ["MAP {'a': 1, '': NULL}", "MAP {}"],
  "ENUM('a', 'b')": ["'a'"],
};

/** What goes in comes out: each type with its edge values, or a refusal that says so. */
export function valuePromises(subject: ConformanceSubject, test: DirectoryTest): void {
  test("gives every value back as it was, or refuses its type", async (open) => {
    const { accelerator, database } = await open();
    for (const [i, [type, texts]] of Object.entries(edges).entries()) {
      const columns = standard.map((column) => (column.name === "v" ? { name: "v", type } : column));
      const dataset = conformanceDataset(subject, { columns, name: `values_${i}` });
      await accelerator.init?.(dataset);
      const table = await accelerator.createTable({ dataset, values: unit(subject) });
      const values = [...texts, "NULL"].map((text, id) => `(${id}::BIGINT, CAST(${text} AS ${type}), '')`);
      const sql = `SELECT * FROM (VALUES ${values.join(", ")}) t(id, v, note)`;
      try {
        await table.insert({ sql, columns }, overwrite("0"));
      } catch (error) {
        // Clear, with the data that was there before: the interface's way to say that a type is not for this engine.
        assert.equal((error as Error).name, "SchemaMismatchError", `${type}: ${String(error)}`);
        assert.match((error as Error).message, /\bv\b/);
        continue;
      }
      const stored = table.scan(table.current).map((relation) => `SELECT * FROM ${relation}`);
      const found = `SELECT * FROM (${stored.join(" UNION ALL ")})`;
      assert.deepEqual(await contents(database, found), await contents(database, sql), type);
      // Filters go down to what the storage knows of its values.
      for (const text of texts) {
        const [row] = await database.rows(
          `SELECT count(*)::INTEGER AS n FROM (${found}) WHERE v = CAST(${text} AS ${type})`,
        );
        assert.deepEqual(row, { n: 1 }, `${type}: ${text}`);
      }
    }
  });
}

async function contents(database: Database, sql: string): Promise<Record<string, Json>[]> {
  return database.rows(
    `SELECT id::INTEGER AS id, typeof(v) AS type, CAST(v AS VARCHAR) AS v FROM (${sql}) ORDER BY id`,
  );
}
