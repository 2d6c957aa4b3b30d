import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openDatabase } from "../../adapters/duckdb/database.ts";
import type { Database } from "../../ports/database.ts";
import { decodeSelect, emptyWireRelation, encodeSelect, wireCodec } from "./wire-type.ts";

/** Edge values by type, as SQL; NULL is added to each. */
const matrix: Readonly<Record<string, readonly string[]>> = {
  BOOLEAN: ["true", "false"],
  TINYINT: ["-128", "127", "0"],
  SMALLINT: ["-32768", "32767"],
  INTEGER: ["-2147483648", "2147483647"],
  BIGINT: ["-9223372036854775808", "9223372036854775807"],
  UTINYINT: ["0", "255"],
  USMALLINT: ["0", "65535"],
  UINTEGER: ["0", "4294967295"],
  UBIGINT: ["0", "18446744073709551615"],
  HUGEINT: [
    "'-170141183460469231731687303715884105728'",
    "'170141183460469231731687303715884105727'",
    "-1",
    "0",
    "18446744073709551616",
    "-18446744073709551616",
    "-18446744073709551617",
  ],
  UHUGEINT: ["0", "'340282366920938463463374607431768211455'", "'18446744073709551616'"],
  FLOAT: ["'nan'", "'-nan'", "'inf'", "'-inf'", "'-0.0'", "1e-45", "3.4028235e38"],
  DOUBLE: ["'nan'", "'-nan'", "'inf'", "'-inf'", "'-0.0'", "5e-324", "1.7976931348623157e308", "0.1"],
  "DECIMAL(4,1)": ["-999.9", "999.9"],
  "DECIMAL(9,4)": ["-99999.9999"],
  "DECIMAL(18,3)": ["999999999999999.999"],
  "DECIMAL(38,0)": [`'-${"9".repeat(38)}'`, `'${"9".repeat(38)}'`],
  "DECIMAL(38,37)": ["'-9.0000000000000000000000000000000000001'"],
  VARCHAR: ["''", "'a' || chr(0) || 'b'", "'Grüße, 世界 🦆'", "'NULL'", "'\\'", "repeat('x', 5000)"],
  BLOB: ["''", "'\\x00\\xFF'", "'a'"],
  BIT: ["'0'", "'1'", "'0000000'", "'101010101'", "repeat('01', 100)"],
  UUID: ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
  DATE: ["'infinity'", "'-infinity'", "'5877642-06-25 (BC)'", "'5881580-07-10'", "'0001-01-01'"],
  TIME: ["'00:00:00'", "'23:59:59.999999'", "'24:00:00'"],
  TIME_NS: ["'00:00:00'", "'23:59:59.999999999'", "'12:00:00.000000001'"],
  "TIME WITH TIME ZONE": ["'00:00:00+15:59:59'", "'24:00:00-15:59:59'", "'12:34:56.123456+05:30'"],
  TIMESTAMP: [
    "'infinity'",
    "'-infinity'",
    "'290309-12-22 (BC) 00:00:00'",
    "'294247-01-10 04:00:54.775806'",
    "'1969-12-31 23:59:59.999999'",
  ],
  TIMESTAMP_S: ["'infinity'", "'-infinity'", "'1969-12-31 23:59:59'", "'290308-01-01'"],
  TIMESTAMP_MS: ["'infinity'", "'-infinity'", "'1969-12-31 23:59:59.999'", "'290308-01-01'"],
  TIMESTAMP_NS: [
    "'infinity'",
    "'-infinity'",
    "'1677-09-22 00:00:00'",
    "'2262-04-11 23:47:16.854775806'",
    "'1969-12-31 23:59:59.999999999'",
  ],
  "TIMESTAMP WITH TIME ZONE": ["'infinity'", "'-infinity'", "'2024-02-29 12:00:00.000001+05:30'"],
  INTERVAL: [
    "INTERVAL '1 month'",
    "INTERVAL '30 days'",
    "INTERVAL '-5 years -7 months -40 days'",
    "to_microseconds(-1)",
    "to_microseconds(9223372036854775807)",
    "to_microseconds(-9223372036854775808)",
    "to_months(2147483647) + to_days(-2147483648) + to_microseconds(86400000001)",
    "to_months(-2147483648)",
    "INTERVAL '0 days'",
  ],
  "ENUM('a', 'it''s', '', 'ä')": ["'a'", "'it''s'", "''", "'ä'"],
  JSON: ['\'{"a": 1 ,  "b":1e400}\'', "'[]'", "'null'", "'\"\\u0000\"'"],
  BIGNUM: ["'0'", `'-${"9".repeat(200)}'`, `'${"1".repeat(60)}'`],
  GEOMETRY: ["'POINT (1 2)'", "'POINT EMPTY'", "'POLYGON ZM ((0 0 1 2, 1 0 1 2, 0 1 1 2, 0 0 1 2))'"],
  "INTEGER[]": ["[]", "[NULL]", "[1, NULL, 3]"],
  "HUGEINT[][]": ["[]", "[[]]", "[NULL, [1, NULL, -1]]"],
  "INTEGER[3]": ["[1, NULL, 3]", "[1, 2, 3]"],
  "UUID[2][]": ["[]", "[NULL, ['00000000-0000-0000-0000-000000000001', NULL]]"],
  "INTERVAL[2]": ["[INTERVAL '1 month', NULL]"],
  'STRUCT(a INTEGER, "odd "" name" VARCHAR)': [
    "{'a': 1, 'odd \" name': 'x'}",
    "{'a': NULL, 'odd \" name': NULL}",
  ],
  "STRUCT(a INTERVAL, \"b c\" STRUCT(d BIT, e ENUM('x', 'y')[]))": [
    "{'a': INTERVAL '1 month', 'b c': {'d': '01', 'e': ['x', NULL]}}",
    "{'a': NULL, 'b c': NULL}",
  ],
  "MAP(VARCHAR, INTEGER)": ["MAP {}", "MAP {'k': NULL, '': 1}"],
  "MAP(HUGEINT, INTERVAL)": ["MAP {}", "MAP {1::HUGEINT: NULL, -1::HUGEINT: INTERVAL '1 month'}"],
  "MAP(INTEGER, MAP(INTEGER, BIT[]))": ["MAP {1: MAP {2: ['1', NULL]}, 3: NULL}"],
  "UNION(num INTEGER, str VARCHAR)": [
    "union_value(num := 1)",
    "union_value(str := 'x')",
    "union_value(str := NULL::VARCHAR)",
  ],
  'UNION("a b" HUGEINT[], i INTERVAL, s STRUCT(t TIME WITH TIME ZONE))': [
    'union_value("a b" := [1::HUGEINT, NULL])',
    "union_value(i := INTERVAL '1 month')",
    "union_value(s := {'t': '12:00:00+01'::TIMETZ})",
  ],
  "UNION(a INTEGER, b VARCHAR)[]": ["[]", "[NULL, union_value(a := 7)]"],
};

/** Types of the engine that no value crosses with: refused before anything runs. */
const refused = new Set(["VARIANT", "TYPE"]);

describe("wire types keep every DuckDB type", () => {
  let database: Database;
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "wire-"));
    database = await openDatabase({ threads: 1, memoryLimit: "256MB" });
  });
  afterAll(async () => {
    await database.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function trip(source: string, columns: readonly { name: string; type: string }[]): Promise<string> {
    const file = join(directory, "frame.parquet");
    await database.run(
      `COPY (${encodeSelect(source, columns)}) TO '${file}' (FORMAT parquet, COMPRESSION lz4_raw)`,
    );
    return decodeSelect(`read_parquet('${file}')`, columns);
  }

  test.each(Object.entries(matrix))("%s", async (type, values) => {
    const rows = [...values, "NULL"].map((value, i) => `SELECT ${i} AS i, CAST(${value} AS ${type}) AS v`);
    await database.run(`CREATE OR REPLACE TABLE truth AS ${rows.join(" UNION ALL ")}`);
    const columns = [
      { name: "i", type: "INTEGER" },
      { name: "v", type },
    ];
    const back = await trip("SELECT i, v FROM truth", columns);
    const differences = await database.rows(
      `SELECT t.i, t.v::VARCHAR AS want, b.v::VARCHAR AS got, typeof(t.v) AS want_type, typeof(b.v) AS got_type
       FROM truth t FULL JOIN (${back}) b ON t.i = b.i
       WHERE t.v IS DISTINCT FROM b.v OR typeof(t.v) <> typeof(b.v) OR (t.v::VARCHAR) IS DISTINCT FROM (b.v::VARCHAR)
          OR t.i IS NULL OR b.i IS NULL`,
    );
    expect(differences).toEqual([]);
    const empty = decodeSelect(emptyWireRelation(columns), columns);
    expect(await database.describe(empty)).toEqual(await database.describe("SELECT i, v FROM truth"));
    expect(await database.rows(`SELECT count(*) AS n FROM (${empty})`)).toEqual([{ n: "0" }]);
  });

  test("every type that the engine has is in the matrix or refused", async () => {
    const rows = await database.rows("SELECT DISTINCT logical_type AS t FROM duckdb_types()");
    const covered = new Set([
      ...Object.keys(matrix).map((type) => type.replace(/[([].*$/s, "")),
      ...refused,
      ...["ARRAY", "LIST", "NULL"],
    ]);
    expect(rows.map(({ t }) => String(t)).filter((t) => !covered.has(t))).toEqual([]);
    for (const type of refused) expect(() => wireCodec(type)).toThrow(/cannot be sent between nodes/);
  });

  test("unnamed structs, the NULL type, odd and duplicate names", async () => {
    const columns = [
      { name: "a", type: "STRUCT(INTEGER, HUGEINT)" },
      { name: "a", type: '"NULL"[]' },
      { name: 'c0"; --', type: '"NULL"' },
      { name: "", type: "VARCHAR" },
    ];
    const back = await trip("SELECT row(1, 2::HUGEINT), [NULL], NULL, 'x'", columns);
    const rows = await database.withConnection(async (connection) => {
      const stream = await connection.stream(back);
      const values = [];
      for await (const chunk of stream.chunks) values.push(...chunk.getRows());
      return { columns: stream.columns.map(({ name, type }) => ({ name, type })), values };
    });
    expect(rows.values).toHaveLength(1);
    expect(rows.columns.map((c) => c.name).slice(0, 3)).toEqual(["a", "a", 'c0"; --']);
    expect(
      await database.rows(`SELECT typeof(r) AS r, typeof(l) AS l FROM (${back}) AS t(r, l, n, x)`),
    ).toEqual([{ r: "STRUCT(INTEGER, HUGEINT)", l: '"NULL"[]' }]);
  });

  test("NaN payloads and the sign of zero keep their bits", async () => {
    await database.run(
      "CREATE OR REPLACE TABLE bits AS SELECT '-0.0'::DOUBLE AS v UNION ALL SELECT '-nan'::DOUBLE",
    );
    const back = await trip("SELECT v FROM bits", [{ name: "v", type: "DOUBLE" }]);
    const bits = "SELECT hash(v) = hash('0.0'::DOUBLE) AS same, 1 / v AS inverse, signbit(v) AS sign FROM";
    expect(await database.rows(`${bits} (${back})`)).toEqual(await database.rows(`${bits} bits`));
  });
});
