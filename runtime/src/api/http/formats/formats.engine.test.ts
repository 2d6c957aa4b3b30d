import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openDatabase } from "../../../adapters/duckdb/database.ts";
import type { Database } from "../../../ports/database.ts";
import type { FormatName } from "../negotiate.ts";
import { formats } from "./index.ts";

describe("formats", () => {
  let database: Database;
  beforeAll(async () => {
    database = await openDatabase({ threads: 1, memoryLimit: "256MB" });
  });
  afterAll(() => database.close());

  const text = (format: FormatName, sql: string) =>
    database.withConnection(async (connection) => {
      let all = "";
      for await (const piece of formats[format].encode(await connection.stream(sql))) {
        all += typeof piece === "string" ? piece : Buffer.from(piece).toString("utf8");
      }
      return all;
    });
  const json = async (expression: string) => {
    const all = await text("json", `SELECT ${expression} AS v`);
    expect(() => JSON.parse(all)).not.toThrow();
    return all.slice('[{"v":'.length, -"}]".length);
  };

  test.each([
    ["9007199254740991::BIGINT", "9007199254740991"],
    ["9007199254740992::BIGINT", '"9007199254740992"'],
    ["-9007199254740992::HUGEINT", '"-9007199254740992"'],
    ["340282366920938463463374607431768211455::UHUGEINT", '"340282366920938463463374607431768211455"'],
    ["5::UHUGEINT", "5"],
    ["1.10::DECIMAL(5,2)", "1.10"],
    ["-0.05::DECIMAL(5,2)", "-0.05"],
    ["9999999999999.99::DECIMAL(18,2)", "9999999999999.99"],
    ["99999999999999.99::DECIMAL(18,2)", '"99999999999999.99"'],
    ["'nan'::DOUBLE", '"NaN"'],
    ["'-infinity'::FLOAT", '"-Infinity"'],
    ["0.1::FLOAT", "0.1"],
    ["-0.0::DOUBLE", "-0"],
    ["1e300", "1e+300"],
    ["true", "true"],
    ["NULL", "null"],
    ["'a\"b\\n' || chr(10)", '"a\\"b\\\\n\\n"'],
    ["'\\xDE\\xAD'::BLOB", '"dead"'],
    ["DATE '2024-02-29'", '"2024-02-29"'],
    ["DATE '0044-03-15 (BC)'", '"-000043-03-15"'],
    ["'infinity'::DATE", '"infinity"'],
    ["'-infinity'::TIMESTAMP", '"-infinity"'],
    ["TIMESTAMP '2024-02-29 12:34:56.789'", '"2024-02-29T12:34:56.789"'],
    ["TIMESTAMPTZ '2024-02-29 12:00:00+02'", '"2024-02-29T10:00:00Z"'],
    ["TIMESTAMP_NS '2024-02-29 12:00:00.000000001'", '"2024-02-29T12:00:00.000000001"'],
    ["TIMETZ '12:00:00+05:30'", '"12:00:00+05:30"'],
    ["INTERVAL '1 month 2 days 3.5 seconds'", '"1 month 2 days 00:00:03.5"'],
    ["'00000000-0000-0000-0000-00000000000a'::UUID", '"00000000-0000-0000-0000-00000000000a"'],
    ["'10101'::BIT", '"10101"'],
    ["'b'::ENUM('a', 'b')", '"b"'],
    ["[1, NULL, 9007199254740993]::BIGINT[]", '[1,null,"9007199254740993"]'],
    ["[[], NULL, ['x']]", '[[],null,["x"]]'],
    ["[1, 2]::INTEGER[2]", "[1,2]"],
    ["{'a': 1, 'b': {'c': NULL}}", '{"a":1,"b":{"c":null}}'],
    ["row(1, 'x')", '[1,"x"]'],
    ["MAP {1: 'a', 2: NULL}", '{"1":"a","2":null}'],
    ["MAP {[1]: 2}", '{"[1]":2}'],
    ["union_value(n := 2)::UNION(n INTEGER, s VARCHAR)", '{"n":2}'],
    ["'{\"a\": 1}'::JSON", '"{\\"a\\": 1}"'],
  ])("JSON of %s is %s", async (expression, expected) => {
    expect(await json(expression)).toBe(expected);
  });

  test("JSON keeps columns of the same name apart, and is an empty array without rows", async () => {
    expect(await text("json", 'SELECT 1 AS a, 2 AS a, 3 AS "a:1", 4 AS a')).toBe(
      '[{"a":1,"a:1":2,"a:1:1":3,"a:2":4}]',
    );
    expect(await text("json", "SELECT 1 AS a WHERE false")).toBe("[]");
  });

  test("JSON of several chunks is one array in order", async () => {
    const all = JSON.parse(await text("json", "SELECT i, 's' || i AS s FROM range(10000) t(i)")) as {
      i: number;
      s: string;
    }[];
    expect(all.length).toBe(10000);
    expect(all.every(({ i, s }, row) => i === row && s === `s${row}`)).toBe(true);
  });

  test("the vendor format has Arrow's schema, the data and the count", async () => {
    const sql = "SELECT 1::BIGINT AS n, [{'t': now()}] AS l, 1.5::DECIMAL(9,1) AS d WHERE 1 = 1";
    const all = JSON.parse(await text("vendor-json", sql)) as Record<string, unknown>;
    const field = (name: string, type: unknown) => ({
      name,
      data_type: type,
      nullable: true,
      dict_id: 0,
      dict_is_ordered: false,
      metadata: {},
    });
    expect(all["schema"]).toEqual({
      fields: [
        field("n", "Int64"),
        field("l", { List: field("item", { Struct: [field("t", { Timestamp: ["Microsecond", "UTC"] })] }) }),
        field("d", { Decimal128: [9, 1] }),
      ],
      metadata: {},
    });
    expect(all["row_count"]).toBe(1);
    expect((all["data"] as unknown[]).length).toBe(1);
  });

  test("CSV follows RFC 4180 and tells NULL from an empty string", async () => {
    const sql = `SELECT 'a,b' AS "x ""y""", 'line
break' AS l, '' AS e, NULL AS n, [1, 2] AS list, 'plain' AS p, 1.50 AS d`;
    expect(await text("csv", sql)).toBe(
      '"x ""y""",l,e,n,list,p,d\r\n"a,b","line\nbreak","",,"[1,2]",plain,1.50\r\n',
    );
  });

  test("text is a table", async () => {
    expect(
      await text("text", "SELECT 'SEA' AS origin, 12 AS n UNION ALL SELECT NULL, 3 ORDER BY n DESC"),
    ).toBe(
      "+--------+----+\n| origin |  n |\n+--------+----+\n| SEA    | 12 |\n|        |  3 |\n+--------+----+\n",
    );
    expect(await text("text", "SELECT 1 AS a WHERE false")).toBe("+---+\n| a |\n+---+\n+---+\n");
    const lines = (await text("text", "SELECT i FROM range(5000) t(i)")).trimEnd().split("\n");
    expect(lines.length).toBe(5004);
    expect(lines.at(-2)).toBe("| 4999 |");
  });
});
