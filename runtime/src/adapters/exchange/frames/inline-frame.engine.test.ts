import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ChunkStream, Database } from "../../../ports/database.ts";
import { openDatabase } from "../../duckdb/database.ts";
import { InlineFrameWriter, isInlineFrame, readInlineFrame } from "./inline-frame.ts";
import { inlineType, inlineTypes } from "./inline-type.ts";
import { inlineValues } from "./inline-values.ts";

let database: Database;

beforeAll(async () => {
  database = await openDatabase({ threads: 1 });
});
afterAll(() => database.close());

/** The extremes of every type that travels inline, as SQL. */
const values: Readonly<Record<string, readonly string[]>> = {
  BOOLEAN: ["true", "false"],
  TINYINT: ["-128", "127"],
  UTINYINT: ["0", "255"],
  SMALLINT: ["-32768", "32767"],
  USMALLINT: ["65535"],
  INTEGER: ["-2147483648", "2147483647"],
  UINTEGER: ["4294967295"],
  BIGINT: ["-9223372036854775808", "9223372036854775807", "0"],
  UBIGINT: ["18446744073709551615"],
  HUGEINT: ["'-170141183460469231731687303715884105728'", "'170141183460469231731687303715884105727'", "-1"],
  UHUGEINT: ["'340282366920938463463374607431768211455'"],
  FLOAT: ["'nan'", "'-inf'", "-0.0", "1.1", "3.4028234663852886e38"],
  DOUBLE: ["'nan'", "'inf'", "-0.0", "0.1", "5e-324", "1.7976931348623157e308"],
  "DECIMAL(4,1)": ["-999.9"],
  "DECIMAL(9,9)": ["0.123456789"],
  "DECIMAL(18,3)": ["-999999999999999.999"],
  "DECIMAL(38,10)": ["-9999999999999999999999999999.9999999999", "0.0000000001"],
  VARCHAR: [
    "''",
    "'a'",
    "'twelve bytes'",
    "'thirteen byte'",
    "'ünï→😀' || chr(0) || 'x'",
    "repeat('y', 9000)",
  ],
  BLOB: ["''::BLOB", "'\\x00\\xFF'::BLOB", "repeat('z', 500)::BLOB"],
  UUID: [
    "'00000000-0000-0000-0000-000000000000'",
    "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
    "'80000000-0000-0000-0000-000000000001'",
  ],
  DATE: ["'infinity'", "'-infinity'", "'1969-12-31'", "'5877642-06-25 (BC)'", "'5881580-07-10'"],
  TIME: ["'00:00:00'", "'23:59:59.999999'"],
  TIMESTAMP: ["'infinity'", "'-infinity'", "'1969-12-31 23:59:59.999999'"],
  TIMESTAMP_S: ["'2024-02-29 12:34:56'", "'infinity'"],
  TIMESTAMP_MS: ["'2024-02-29 12:34:56.789'"],
  TIMESTAMP_NS: ["'1969-12-31 23:59:59.999999999'"],
  "TIMESTAMP WITH TIME ZONE": ["'2024-02-29 12:34:56.789+02'", "'infinity'"],
  INTERVAL: ["'-1 month 40 days -3 microseconds'", "'13 months'", "'0 days'"],
};

async function frameOf(stream: ChunkStream, maxRows = 10_000): Promise<Uint8Array | undefined> {
  const types = inlineTypes(stream.columns);
  expect(types).toBeDefined();
  const writer = new InlineFrameWriter(types ?? [], maxRows);
  for await (const chunk of stream.chunks) if (!writer.add(chunk)) return undefined;
  return writer.finish();
}

test.each(Object.entries(values))("%s arrives bit for bit, also as parameters", async (type, list) => {
  const items = [...list, "NULL"].map((value) => `(CAST(${value} AS ${type}))`);
  const found = inlineType(type);
  if (found === undefined) throw new Error(`${type} does not travel inline`);
  await database.withConnection(async (connection) => {
    for (const rows of [items, items.slice(0, -1), ["(NULL)"]]) {
      const sql = `SELECT CAST(c AS ${type}) AS c FROM (VALUES ${rows.join(", ")}) AS v(c)`;
      const frame = await frameOf(await connection.stream(sql));
      const [chunk] = readInlineFrame(frame as Uint8Array, [found]);
      expect(chunk?.rowCount).toBe(rows.length);
      const again = new InlineFrameWriter([found], 10_000);
      again.add(chunk as NonNullable<typeof chunk>);
      expect(again.finish()).toEqual(frame);
      const [direct] = inlineValues([frame as Uint8Array], [found]);
      expect(direct).toEqual(chunk?.getColumnValues(0));
      const parameter = { elementType: found.type, values: direct ?? [] };
      const over = await connection.streamOver(`SELECT unnest(CAST($1 AS ${type}[])) AS c`, [parameter]);
      expect(over.columns[0]?.type).toBe(type);
      expect(await frameOf(over)).toEqual(frame);
    }
  });
});

test("several columns and chunks, and a result without rows", async () => {
  const sql = (rows: number) =>
    `SELECT i, CASE WHEN i % 3 > 0 THEN 'text ' || i END AS s, i / 7 AS d FROM range(${rows}) r(i)`;
  await database.withConnection(async (connection) => {
    for (const rows of [0, 1, 65, 2_500]) {
      const frame = await frameOf(await connection.stream(sql(rows)));
      const types = inlineTypes([{ type: "BIGINT" }, { type: "VARCHAR" }, { type: "DOUBLE" }]) ?? [];
      const read = readInlineFrame(frame as Uint8Array, types).flatMap((chunk) => chunk.getRows());
      const expected = Array.from({ length: rows }, (_, i) => [
        BigInt(i),
        i % 3 > 0 ? `text ${i}` : null,
        i / 7,
      ]);
      expect(read).toEqual(expected);
      const twice = inlineValues([frame as Uint8Array, frame as Uint8Array], types);
      expect(twice).toEqual([0, 1, 2].map((i) => [...expected, ...expected].map((row) => row[i])));
    }
  });
});

test("what is larger than asked for, or torn, is refused", async () => {
  await database.withConnection(async (connection) => {
    expect(await frameOf(await connection.stream("SELECT * FROM range(11)"), 10)).toBeUndefined();
    expect(await frameOf(await connection.stream("SELECT repeat('x', 70000) AS s"))).toBeUndefined();
    const frame = (await frameOf(await connection.stream("SELECT 'abc' AS s"))) as Uint8Array;
    const types = inlineTypes([{ type: "VARCHAR" }]) ?? [];
    expect(isInlineFrame(frame)).toBe(true);
    const chunks = (bytes: Uint8Array) => readInlineFrame(bytes, types);
    for (const read of [chunks, (bytes: Uint8Array) => inlineValues([bytes], types)]) {
      expect(() => read(frame.subarray(0, -1))).toThrow("ends too early");
      expect(() => read(Buffer.concat([frame, Buffer.of(1)]))).toThrow("more than");
      expect(() => read(Buffer.from("PAR1...."))).toThrow("not an inline frame");
    }
  });
});

test("types that the engine's memory does not hold in one piece travel as Parquet", () => {
  for (const type of ["INTEGER[]", "STRUCT(a INTEGER)", "ENUM('a')", "BIT", "JSON", "TIME WITH TIME ZONE"]) {
    expect(inlineType(type)).toBeUndefined();
  }
});
