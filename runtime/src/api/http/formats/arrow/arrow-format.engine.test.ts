import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Table, tableFromIPC } from "apache-arrow";
import { plainValue } from "../../../../adapters/arrow/testing/plain-value.ts";
import { openDatabase } from "../../../../adapters/duckdb/database.ts";
import type { Database } from "../../../../ports/database.ts";
import { arrowFormat } from "./arrow-format.ts";

describe("arrowFormat", () => {
  let database: Database;
  beforeAll(async () => {
    database = await openDatabase({ threads: 2, memoryLimit: "512MB" });
  });
  afterAll(() => database.close());

  const bytesOf = (sql: string) =>
    database.withConnection(async (connection) => {
      const parts: Uint8Array[] = [];
      for await (const part of arrowFormat.encode(await connection.stream(sql))) {
        parts.push(Buffer.from(part));
      }
      return Buffer.concat(parts);
    });
  const read = async (sql: string): Promise<Table> => tableFromIPC(await bytesOf(sql));

  /** Columns of one type: its Arrow type, and how its values come out of an Arrow reader, a NULL between them. */
  const matrix: [type: string, arrow: string, values: string[], decoded: unknown[]][] = [
    ["BOOLEAN", "Bool", ["true", "false"], [true, false]],
    ["TINYINT", "Int8", ["-128", "127"], [-128, 127]],
    ["SMALLINT", "Int16", ["-32768", "32767"], [-32768, 32767]],
    ["INTEGER", "Int32", ["-2147483648", "2147483647"], [-2147483648, 2147483647]],
    ["BIGINT", "Int64", ["-9223372036854775808", "9223372036854775807"], [-(2n ** 63n), 2n ** 63n - 1n]],
    ["UTINYINT", "Uint8", ["0", "255"], [0, 255]],
    ["USMALLINT", "Uint16", ["0", "65535"], [0, 65535]],
    ["UINTEGER", "Uint32", ["0", "4294967295"], [0, 4294967295]],
    ["UBIGINT", "Uint64", ["0", "18446744073709551615"], [0n, 2n ** 64n - 1n]],
    [
      "HUGEINT",
      "Decimal[38e0]",
      ["-170141183460469231731687303715884105728", "170141183460469231731687303715884105727"],
      [-(2n ** 127n), 2n ** 127n - 1n],
    ],
    ["UHUGEINT", "Utf8", ["0", "340282366920938463463374607431768211455"], ["0", String(2n ** 128n - 1n)]],
    ["BIGNUM", "Utf8", ["-1", "123456789012345678901234567890"], ["-1", "123456789012345678901234567890"]],
    ["FLOAT", "Float32", ["1.5", "'-inf'"], [1.5, Number.NEGATIVE_INFINITY]],
    ["DOUBLE", "Float64", ["0.1", "'nan'"], [0.1, Number.NaN]],
    ["DECIMAL(4,1)", "Decimal[4e+1]", ["-999.9", "0.1"], [-9999n, 1n]],
    ["DECIMAL(9,2)", "Decimal[9e+2]", ["-9999999.99", "1"], [-999999999n, 100n]],
    ["DECIMAL(18,3)", "Decimal[18e+3]", ["-999999999999999.999", "1"], [-999999999999999999n, 1000n]],
    [
      "DECIMAL(38,4)",
      "Decimal[38e+4]",
      ["-9999999999999999999999999999999999.9999", "1"],
      [-(10n ** 38n - 1n), 10000n],
    ],
    [
      "VARCHAR",
      "Utf8",
      ["'short'", "'a string of more than twelve bytes, é'"],
      ["short", "a string of more than twelve bytes, é"],
    ],
    ["JSON", "Utf8", [`'{"a":1}'`, "'[]'"], ['{"a":1}', "[]"]],
    ["BLOB", "Binary", ["'\\xAA\\x00'::BLOB", "''::BLOB"], [Uint8Array.of(0xaa, 0), new Uint8Array(0)]],
    ["BIT", "Utf8", ["'101'", "'0000000011'"], ["101", "0000000011"]],
    [
      "UUID",
      "Utf8",
      ["'00000000-0000-0000-0000-000000000001'", "'ffffffff-ffff-ffff-ffff-fffffffffffe'"],
      ["00000000-0000-0000-0000-000000000001", "ffffffff-ffff-ffff-ffff-fffffffffffe"],
    ],
    ["ENUM('red','green')", "Utf8", ["'green'", "'red'"], ["green", "red"]],
    ["DATE", "Date32<DAY>", ["'1969-12-31'", "'2024-02-29'"], [-86_400_000, Date.UTC(2024, 1, 29)]],
    ["TIME", "Time64<MICROSECOND>", ["'00:00:00.000001'", "'23:59:59.999999'"], [1n, 86_399_999_999n]],
    ["TIME_NS", "Time64<NANOSECOND>", ["'00:00:00.000000001'", "'00:00:01'"], [1n, 1_000_000_000n]],
    ["TIMETZ", "Utf8", ["'12:00:00+05:30'", "'00:00:00.5-01'"], ["12:00:00+05:30", "00:00:00.5-01:00"]],
    [
      "TIMESTAMP_S",
      "Timestamp<SECOND>",
      ["'1970-01-01 00:00:01'", "'2000-01-01'"],
      [1000, Date.UTC(2000, 0, 1)],
    ],
    [
      "TIMESTAMP_MS",
      "Timestamp<MILLISECOND>",
      ["'1970-01-01 00:00:00.001'", "'2000-01-01'"],
      [1, Date.UTC(2000, 0, 1)],
    ],
    [
      "TIMESTAMP",
      "Timestamp<MICROSECOND>",
      ["'1970-01-01 00:00:00.5'", "'2000-01-01'"],
      [500, Date.UTC(2000, 0, 1)],
    ],
    [
      "TIMESTAMP_NS",
      "Timestamp<NANOSECOND>",
      ["'1970-01-01 00:00:00.25'", "'2000-01-01'"],
      [250, Date.UTC(2000, 0, 1)],
    ],
    [
      "TIMESTAMPTZ",
      "Timestamp<MICROSECOND, UTC>",
      ["'1970-01-01 00:00:00+00'", "'2000-01-01 02:00:00+02'"],
      [0, Date.UTC(2000, 0, 1)],
    ],
    [
      "INTERVAL",
      "Interval<MONTH_DAY_NANO>",
      ["INTERVAL '1 year 2 days 3 seconds'", "INTERVAL '-1 microsecond'"],
      [
        [12, 2, 3_000_000_000n],
        [0, 0, -1000n],
      ],
    ],
    ["INTEGER[]", "List<Int32>", ["[1, NULL, 3]", "[]"], [[1, null, 3], []]],
    [
      "VARCHAR[][]",
      "List<List<Utf8>>",
      ["[['a'], NULL, []]", "[['a long string, longer than twelve']]"],
      [[["a"], null, []], [["a long string, longer than twelve"]]],
    ],
    [
      "INTEGER[2]",
      "FixedSizeList[2]<Int32>",
      ["[1, 2]", "[NULL, 4]"],
      [
        [1, 2],
        [null, 4],
      ],
    ],
    [
      "STRUCT(a INTEGER, b VARCHAR)",
      "Struct<{a:Int32, b:Utf8}>",
      ["{'a': 1, 'b': 'x'}", "{'a': NULL, 'b': 'y'}"],
      [
        { a: 1, b: "x" },
        { a: null, b: "y" },
      ],
    ],
    [
      "MAP(VARCHAR, INTEGER)",
      "Map<{key:Utf8, value:Int32}>",
      ["MAP {'k': 1, 'l': NULL}", "MAP {}"],
      [{ k: 1, l: null }, {}],
    ],
    [
      "UNION(n INTEGER, s VARCHAR)",
      "Union<Int32 | Utf8>",
      ["union_value(n := 7)", "union_value(s := 'x')"],
      [7, "x"],
    ],
    ["VARIANT", "Utf8", ["1::VARIANT", "'x'::VARIANT"], ["1", "x"]],
  ];

  test.each(matrix)("%s travels as %s", async (type, arrow, [first, second], [one, two]) => {
    const cast = (text: string) =>
      type.startsWith("UNION") ? `${text}::${type}` : `CAST(${text} AS ${type})`;
    const sql = `SELECT v FROM (SELECT 1 AS i, ${cast(first!)} AS v
      UNION ALL SELECT 2, CAST(NULL AS ${type}) UNION ALL SELECT 3, ${cast(second!)}) ORDER BY i`;
    const table = await read(sql);
    expect(String(table.schema.fields[0]!.type)).toBe(arrow);
    expect([...table.getChildAt(0)!].map(plainValue)).toEqual([one, null, two]);
  });

  test("a large result with NULLs everywhere equals what the engine says, chunk borders included", async () => {
    const sql = `SELECT i, CASE WHEN i % 3 = 0 THEN NULL ELSE i * 1000000007 END AS big,
      CASE WHEN i % 5 = 1 THEN NULL ELSE 'row number ' || repeat('x', (i % 40)::INT) || i END AS text,
      CASE WHEN i % 7 = 2 THEN NULL ELSE i % 2 = 0 END AS flag,
      CASE WHEN i % 11 = 3 THEN NULL ELSE [i, NULL, i + 1] END AS list,
      CASE WHEN i % 13 = 4 THEN NULL ELSE {'d': (i / 100)::DECIMAL(10, 2)} END AS item
      FROM range(50000) t(i) WHERE i % 17 <> 5`;
    const table = await read(sql);
    const engine = await database.rows(sql);
    expect(table.numRows).toBe(engine.length);
    expect(table.batches.length).toBeGreaterThan(2);
    let row = 0;
    for (const got of table) {
      const expected = engine[row++]!;
      const { i, big, text, flag, list, item } = got!.toJSON() as Record<string, unknown>;
      const item_ = plainValue(item) as { d: bigint } | null;
      const same =
        String(i) === expected["i"] &&
        (big === null ? null : String(big)) === expected["big"] &&
        text === expected["text"] &&
        flag === expected["flag"] &&
        JSON.stringify(plainValue(list), text64) === JSON.stringify(expected["list"]) &&
        (item_ === null
          ? expected["item"] === null
          : Number((expected["item"] as { d: string }).d) === Number(item_.d) / 100);
      if (!same) throw new Error(`Row ${row} differs: ${String(got)} ${JSON.stringify(expected)}`);
    }
  });

  test("splits a result of wide text into batches of bounded size", async () => {
    const bytes = await bytesOf("SELECT repeat('x', 100000) || i AS s FROM range(1000) t(i)");
    const table = tableFromIPC(bytes);
    expect(table.numRows).toBe(1000);
    expect(table.batches.length).toBeGreaterThanOrEqual(5);
    expect(table.get(999)!["s"]).toBe(`${"x".repeat(100_000)}999`);
  });

  test("an empty result is a schema and the end", async () => {
    const table = await read("SELECT 1 AS a, 'x' AS b WHERE false");
    expect(table.numRows).toBe(0);
    expect(table.schema.names).toEqual(["a", "b"]);
  });

  test("has the end-of-stream marker only when the result was complete", async () => {
    const marker = Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    const whole = await bytesOf("SELECT i FROM range(100000) t(i)");
    expect(whole.subarray(-8)).toEqual(marker);
    await expect(
      bytesOf("SELECT CASE WHEN i < 1000000 THEN i ELSE error('late') END FROM range(1000001) t(i)"),
    ).rejects.toThrow(/failed or was interrupted/);
  });

  test("does not show what the engine left in the slot of a NULL", async () => {
    const bytes = await bytesOf(
      "SELECT CASE WHEN i = 1 THEN NULL ELSE v END AS n FROM (VALUES (0, 1), (1, 1234567), (2, 3)) t(i, v)",
    );
    const secret = Buffer.alloc(4);
    secret.writeInt32LE(1234567);
    expect(bytes.includes(secret)).toBe(false);
  });

  test("refuses an interval that Arrow cannot hold", async () => {
    await expect(bytesOf("SELECT to_microseconds(9223372036854775807) AS i")).rejects.toThrow(/292 years/);
  });
});

const text64 = (_key: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);
