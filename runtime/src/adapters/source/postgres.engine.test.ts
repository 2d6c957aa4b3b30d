import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { extensionFiles } from "../../../test/support/duckdb-extensions.ts";
import { type PostgresServer, startPostgres } from "../../../test/support/postgres-server.ts";
import { assigned, openBed, type TableBed } from "../../../test/support/table-bed.ts";
import type { Database } from "../../ports/database.ts";
import { openPostgres } from "./postgres.ts";

let server: PostgresServer;
let bed: TableBed;
let database: Database;
beforeAll(async () => {
  server = await startPostgres({ tls: true });
  bed = await openBed({ extensions: extensionFiles("postgres_scanner") });
  database = bed.database;
});
afterAll(async () => {
  await bed?.close();
  await server?.stop();
});

const open = (table: string, more: Record<string, string> = {}) =>
  openPostgres(database, `postgres:${table}`, { ...server.parameters, ...more });

/** Values at the edges of their types, as PostgreSQL prints them and as the engine must. */
const edges: readonly (readonly [
  type: string,
  values: readonly string[],
  text?: (column: string) => string,
])[] = [
  ["smallint", ["-32768", "32767"]],
  ["integer", ["-2147483648", "2147483647"]],
  ["bigint", ["-9223372036854775808", "9223372036854775807"]],
  ["numeric(38,0)", ["99999999999999999999999999999999999999", "-99999999999999999999999999999999999999"]],
  ["numeric(38,38)", ["0.99999999999999999999999999999999999999"], (c) => `'0' || ${c}`],
  ["numeric(9,2)", ["-1234567.89", "0.01"]],
  ["boolean", ["true", "false"]],
  ["text", ["", "none", "a'b\"c", "🦆\n\t\\", "NULL"]],
  // PostgreSQL itself does not count the padding of char(n): it does not arrive.
  ["char(3)", ["a", "abc"]],
  ["date", ["0001-01-01", "1969-12-31", "2024-02-29", "9999-12-31"]],
  ["timestamp", ["1900-01-01 00:00:00", "2024-02-29 23:59:59.999999"]],
  ["timestamptz", ["1969-12-31 23:59:59.5+00", "2024-06-01 00:00:00+00"]],
  ["time", ["00:00:00", "23:59:59.999999"]],
  ["uuid", ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]],
  ["json", ['{"a": [1, null, "x"]}', "null"]],
  ["jsonb", ['{"a": [1, null, "x"]}', "[]"]],
  ["bytea", ["\\x00ff7f", "\\x"], (c) => `'\\x' || lower(hex(${c}))`],
  [
    "integer[]",
    ["{}", "{1,NULL,-2147483648}"],
    (c) => `'{' || array_to_string(list_transform(${c}, x -> coalesce(x::VARCHAR, 'NULL')), ',') || '}'`,
  ],
  ["double precision", ["1.7976931348623157e+308", "5e-324", "0.1"]],
];

describe("a PostgreSQL source", () => {
  test.each(edges.map((edge) => ({ type: edge[0], edge })))(
    "keeps every value of $type on the way into each engine",
    async ({ edge }) => {
      const [type, values, text] = edge;
      server.sql(`DROP TABLE IF EXISTS edge; CREATE TABLE edge (i integer NOT NULL, v ${type});
      INSERT INTO edge VALUES ${[...values, null].map((v, i) => `(${i}, ${v === null ? "NULL" : `E'${v.replace(/[\\']/g, "\\$&").replaceAll("\n", "\\n")}'`})`).join(", ")}`);
      for (const engine of [{}, { engine: "duckdb", mode: "file" } as const]) {
        const table = await bed.open(
          { ...engine, name: `edge_${crypto.randomUUID()}`, partitionBy: [] },
          "postgres:public.edge",
          server.parameters,
        );
        await table.load([{ values: [], epoch: 1, role: "owner" }], bed.signal);
        const got = await bed.query(
          table,
          `SELECT ${text?.("v") ?? "CAST(v AS VARCHAR)"} AS v FROM {t} ORDER BY i`,
        );
        const plain = got.map((row) => (row["v"] === null ? null : String(row["v"])));
        if (type === "double precision")
          expect(plain.map((v) => (v === null ? null : Number(v)))).toEqual([...values.map(Number), null]);
        else expect(plain).toEqual([...values, null]);
      }
    },
  );

  test("keeps NaN and the infinities", async () => {
    server.sql(`DROP TABLE IF EXISTS odd; CREATE TABLE odd (f float8, r float4, t timestamp, d date);
      INSERT INTO odd VALUES ('NaN', 'Infinity', 'infinity', '-infinity')`);
    const table = await bed.open({ name: "odd", partitionBy: [] }, "postgres:odd", server.parameters);
    await table.load([{ values: [], epoch: 1, role: "owner" }], bed.signal);
    expect(
      await bed.query(
        table,
        "SELECT isnan(f) AS nan, r = 'infinity' AS inf, t::VARCHAR AS t, d::VARCHAR AS d FROM {t}",
      ),
    ).toEqual([{ nan: true, inf: true, t: "infinity", d: "-infinity" }]);
  });

  test("refuses a numeric that would be rounded, or reads it as text, or leaves it out", async () => {
    server.sql(`DROP TABLE IF EXISTS n; CREATE TABLE n (i integer, n numeric, w numeric(60,2), ok numeric(20,4));
      INSERT INTO n VALUES (1, 12345678901234567890.123456789012345678901234567890, 1.5, 2.25)`);
    await expect(open("public.n").schema()).rejects.toMatchObject({
      name: "UnsupportedTypeError",
      message: expect.stringContaining("Column n of postgres://127.0.0.1"),
    });
    const table = await bed.open({ name: "n", partitionBy: [] }, "postgres:n", {
      ...server.parameters,
      unsupported_type_action: "string",
    });
    await table.load([{ values: [], epoch: 1, role: "owner" }], bed.signal);
    expect(await bed.query(table, "SELECT * FROM {t}")).toEqual([
      { i: 1, n: "12345678901234567890.123456789012345678901234567890", w: "1.50", ok: "2.2500" },
    ]);
    const fewer = await open("n", { unsupported_type_action: "ignore" }).schema();
    expect(fewer.map((c) => c.name)).toEqual(["i", "ok"]);
  });

  test("tells columns with their nullability, and pushes discovery down where it can", async () => {
    server.sql(`DROP TABLE IF EXISTS "My Table"; CREATE TABLE "My Table" ("Id" bigint NOT NULL, "it's" text);
      INSERT INTO "My Table" SELECT i, CASE WHEN i % 3 = 0 THEN NULL ELSE 'v' || i % 3 END FROM generate_series(1, 1000) i`);
    const source = open("public.My Table");
    expect(await source.schema()).toEqual([
      { name: "Id", type: "BIGINT", nullable: false },
      { name: "it's", type: "VARCHAR", nullable: true },
    ]);
    const sorted = async (sourceSql?: string) =>
      (
        await source.distinct([
          { textSql: '"it\'s"', column: "it's", ...(sourceSql === undefined ? {} : { sourceSql }) },
        ])
      )
        .map(String)
        .sort();
    expect(await sorted()).toEqual(["", "v1", "v2"]);
    expect(await sorted(`upper("it's")`)).toEqual(["", "V1", "V2"]);
  });

  test("reads over TLS, and one scan sees one snapshot", async () => {
    server.sql(
      "DROP TABLE IF EXISTS big; CREATE TABLE big AS SELECT i AS id, 'p' || i % 3 AS part, repeat('x', 100) AS pad FROM generate_series(1, 200000) i",
    );
    const table = await bed.open({ name: "big" }, "postgres:big", {
      ...server.parameters,
      pg_sslmode: "require",
    });
    let stop = false;
    const writer = (async () => {
      while (!stop) {
        server.sql(
          "BEGIN; INSERT INTO big SELECT i, 'p' || i % 3, '' FROM generate_series(1000001, 1000300) i; COMMIT",
        );
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await table.load(assigned("p0", "p1", "p2"), bed.signal);
    stop = true;
    await writer;
    const parts = table.partitions().map((p) => p.rows);
    expect(parts.reduce((a, b) => a + b)).toBeGreaterThanOrEqual(200000);
    // Every transaction adds a hundred rows to each: a torn read would show as a difference.
    expect(parts.map((n) => n - parts[0]!)).toEqual([0, 66667 - 66666, 66667 - 66666]);
  });

  test("a server that goes away keeps the old data, and comes back", async () => {
    server.sql(
      "DROP TABLE IF EXISTS gone; CREATE TABLE gone AS SELECT i AS id, 'p0'::text AS part, timestamptz '2026-01-01' + i * interval '1 second' AS seen FROM generate_series(1, 10) i",
    );
    const table = await bed.open(
      { name: "gone", refreshMode: "append", timeColumn: { name: "seen", format: "timestamp" } },
      "postgres:gone",
      server.parameters,
    );
    await table.load(assigned("p0"), bed.signal);
    await server.kill();
    await expect(table.refresh({}, bed.signal)).rejects.toMatchObject({
      name: "SourceError",
      retryable: true,
    });
    expect(table.partitions()[0]?.rows).toBe(10);
    await server.start();
    server.sql(
      "INSERT INTO gone SELECT i, 'p0', timestamptz '2026-01-01' + i * interval '1 second' FROM generate_series(8, 15) i",
    );
    expect((await table.refresh({}, bed.signal)).rows).toBe(5);
    expect(await bed.query(table, "SELECT count(*)::INTEGER AS n FROM {t}")).toEqual([{ n: 15 }]);
    await expect(open("missing").schema()).rejects.toMatchObject({ name: "SourceError" });
  });
});

test("a wrong parameter is named", () => {
  expect(() => open("t", { pg_hots: "x" })).toThrow(/no parameter pg_hots/);
  expect(() => open("t", { pg_sslmode: "maybe" })).toThrow(/pg_sslmode: expected disable/);
  expect(() => openPostgres(database, "postgres:a.b.c", {})).toThrow(/expected postgres:schema.table/);
});

test("a server that goes away during a scan keeps no file of another dataset from opening", async () => {
  await bed.parquet("rows", "SELECT range AS id, 'p' || range % 2 AS part FROM range(100)");
  server.sql("CREATE TABLE going AS SELECT 1 AS id");
  const layouts = [{}, { parameters: { partition_mode: "tables" } }];
  const datasets = layouts.map(
    (layout, i) => ({ name: `held${i}`, engine: "duckdb", mode: "file", ...layout }) as const,
  );
  for (const dataset of datasets) {
    const table = await bed.open(dataset);
    await table.load(assigned("p0", "p1"), bed.signal);
    await table.close();
  }
  const source = open("public.going");
  const scan = await source.open({});
  await server.kill();
  try {
    for (const dataset of datasets) {
      const table = await bed.open(dataset);
      await table.load(assigned("p0", "p1"), bed.signal);
      expect(await bed.query(table, "SELECT count(*)::INT AS n FROM {t}")).toEqual([{ n: 100 }]);
      expect(await table.refresh({ force: true }, bed.signal)).toMatchObject({ rows: 100, failed: [] });
      await table.settled();
    }
  } finally {
    await server.start();
    await scan.close();
    await source.close();
  }
});
