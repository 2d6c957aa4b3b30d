import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { assigned, openBed, type TableBed } from "../../../test/support/table-bed.ts";
import { openFiles } from "./files.ts";

let bed: TableBed;
beforeEach(async () => {
  bed = await openBed();
});
afterEach(() => bed.close());

const put = (name: string, text: string) => {
  const file = join(bed.directory, "in", name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
};
const open = (pattern: string, parameters: Record<string, string> = {}) =>
  openFiles(bed.database, `file:${bed.directory}/in/${pattern}`, parameters);
const read = async (pattern: string, parameters: Record<string, string> = {}) => {
  const scan = await open(pattern, parameters).open({});
  return bed.database.rows(`SELECT * FROM ${scan.relation} ORDER BY 1`);
};

describe("files", () => {
  test("are CSV, JSON lines or Parquet by their extension or by file_format", async () => {
    put("a.csv", "id,name\n1,x\n2,\n");
    put("b.jsonl", '{"id": 1, "tags": ["a"]}\n{"id": 2, "tags": null}\n');
    put("c.data", "1;'a;b'\n");
    await bed.database.run(`COPY (SELECT 7 AS id) TO '${bed.directory}/in/d.parquet' (FORMAT parquet)`);
    expect(await read("a.csv")).toEqual([
      { id: "1", name: "x" },
      { id: "2", name: null },
    ]);
    expect(await read("b.jsonl")).toEqual([
      { id: "1", tags: ["a"] },
      { id: "2", tags: null },
    ]);
    expect(
      await read("c.data", {
        file_format: "csv",
        csv_has_header: "false",
        csv_delimiter: ";",
        csv_quote: "'",
      }),
    ).toEqual([{ column0: "1", column1: "a;b" }]);
    expect(await read("d.parquet")).toEqual([{ id: 7 }]);
    await expect(read("c.data")).rejects.toThrow(/give file_format/);
    await expect(read("nothing*.csv")).rejects.toMatchObject({
      name: "SourceError",
      message: expect.stringContaining("There is no file at"),
    });
    expect(() => open("a.csv", { cvs_quote: "x" })).toThrow(/no parameter cvs_quote/);
  });

  test("are found by globs and in folders, and have the columns of all", async () => {
    put("x/1.csv", "id,a\n1,x\n");
    put("x/y/2.csv", "id,b\n2,z\n");
    put("x/y/note.txt", "no data");
    expect(await read("x")).toEqual([
      { id: "1", a: "x", b: null },
      { id: "2", a: null, b: "z" },
    ]);
    expect(await read("x/*.csv")).toEqual([{ id: "1", a: "x" }]);
    expect(await read("x/**/[2-9].csv")).toEqual([{ id: "2", b: "z" }]);
  });

  test("change their position when one is added, changed in place or removed", async () => {
    const source = open("*.csv");
    const position = async () => (await source.open({})).position;
    const first = put("a.csv", "id\n1\n");
    const seen = [await position()];
    expect(await position()).toBe(seen[0]);
    put("b.csv", "id\n1\n");
    seen.push(await position());
    writeFileSync(first, "id\n2\n");
    utimesSync(first, new Date(), new Date(Date.now() + 5000));
    seen.push(await position());
    expect(new Set(seen).size).toBe(3);
  });
});

describe("Hive folders", () => {
  const folders = async () => {
    for (const folder of [
      "year=2024/region=eu",
      "year=2024/region=a%2Fb",
      "year=2025/region=__HIVE_DEFAULT_PARTITION__",
    ]) {
      put(`t/${folder}/x`, "");
      await bed.database.run(
        `COPY (SELECT 1 AS id) TO '${bed.directory}/in/t/${folder}/d.parquet' (FORMAT parquet)`,
      );
    }
  };

  test("are columns, and discovery reads their names only", async () => {
    await folders();
    // A file that is no Parquet: whoever opens it, fails.
    put("t/year=2026/region=us/broken.parquet", "PAR1");
    const source = open("t", { hive_partitioning: "true" });
    const keys = [
      { textSql: "CAST(year AS VARCHAR)", column: "year" },
      { textSql: "upper(region)", column: "Region" },
    ];
    expect((await source.distinct(keys)).map(String).sort()).toEqual([
      "2024,A/B",
      "2024,EU",
      "2025,",
      "2026,US",
    ]);
    await expect(source.distinct([{ textSql: "CAST(id AS VARCHAR)", column: "id" }])).rejects.toMatchObject({
      name: "SourceError",
    });
  });

  test("that no partition needs are not read", async () => {
    await folders();
    put("t/year=2026/region=us/broken.parquet", "PAR1");
    const config = { partitionBy: [{ name: "region", expression: "region", sql: '"region"', plain: true }] };
    const table = await bed.open(config, `file:${bed.directory}/in/t`, { hive_partitioning: "true" });
    await table.load(assigned("eu", "a/b", null), bed.signal);
    expect(table.partitions().map((p) => p.rows)).toEqual([1, 1, 1]);
    await expect(table.load(assigned("us"), bed.signal)).rejects.toThrow(/broken\.parquet/);
  });
});

test("Parquet keeps edge values of every type on the way into each engine", async () => {
  const values = [
    ["TINYINT", "-128"],
    ["UBIGINT", "18446744073709551615"],
    ["HUGEINT", "-170141183460469231731687303715884105728"],
    ["DECIMAL(38,10)", "-9999999999999999999999999999.9999999999"],
    ["DOUBLE", "nan"],
    ["DOUBLE", "-inf"],
    ["FLOAT", "1e-45"],
    ["DATE", "0001-01-01"],
    ["TIMESTAMP", "1677-09-21 00:12:43.145224"],
    ["TIMESTAMPTZ", "1969-12-31 23:59:59.999999+00"],
    ["TIMESTAMP_NS", "2024-02-29 00:00:00.123456789"],
    ["TIME", "23:59:59.999999"],
    ["UUID", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    ["VARCHAR", ""],
    ["BLOB", "\\x00\\xFF"],
    ["INTEGER[]", "[1, NULL, -2147483648]"],
    ["STRUCT(a INTEGER, b VARCHAR[])", "{'a': 1, 'b': [x, '']}"],
    ["MAP(VARCHAR, INTEGER)", "{a=1}"],
    ["INTERVAL", "1 month 2 days 00:00:03"],
  ] as const;
  // Parquet has no HUGEINT: it goes as DOUBLE, which the COPY below shows by its type.
  const list = values
    .filter(([type]) => type !== "HUGEINT")
    .map(([type, text], i) => ({ type, text, name: `c${i}` }));
  await bed.parquet(
    "edge",
    `SELECT ${list.map((v) => `CAST('${v.text.replaceAll("'", "''")}' AS ${v.type}) AS ${v.name}`).join(", ")} UNION ALL SELECT ${list.map(() => "NULL").join(", ")}`,
  );
  const cells = list.map((v) => `CAST(${v.name} AS VARCHAR) AS ${v.name}`).join(", ");
  const expected = await bed.database.rows(
    `SELECT ${cells} FROM '${bed.directory}/source/edge.parquet' ORDER BY c0 NULLS LAST`,
  );
  expect(expected[0]).toMatchObject({ c0: "-128", c1: "18446744073709551615", c3: "nan" });
  for (const [i, engine] of [{}, { engine: "duckdb", mode: "file" } as const].entries()) {
    const table = await bed.open({ ...engine, name: `edge${i}`, partitionBy: [] });
    await table.load([{ values: [], epoch: 1, role: "owner" }], bed.signal);
    expect(await bed.query(table, `SELECT ${cells} FROM {t} ORDER BY c0 NULLS LAST`)).toEqual(expected);
    expect(table.columns.map((c) => c.type)).toEqual(
      (await bed.database.describe(`SELECT * FROM '${bed.directory}/source/edge.parquet'`)).map(
        (c) => c.type,
      ),
    );
  }
});

test.each([
  {
    shape: "narrow",
    rows: 8_000_000,
    pad: "md5(range::VARCHAR) || md5((range * 7)::VARCHAR)",
    group: 122_880,
  },
  { shape: "wide", rows: 200_000, pad: "repeat(md5(range::VARCHAR), 64)", group: 4096 },
])(
  "$shape rows of several times the memory limit load, and memory stays bounded",
  async ({ rows, pad, group }) => {
    await bed.close();
    bed = await openBed({ memoryLimit: "128MB", threads: 2 });
    await bed.parquet(
      "big",
      `SELECT range AS id, 'p' || range % 24 AS part, ${pad} AS pad FROM range(${rows})`,
      group,
    );
    const rss = () => process.memoryUsage().rss / 2 ** 20;
    const start = rss();
    let peak = start;
    const watch = setInterval(() => {
      peak = Math.max(peak, rss());
    }, 20);
    try {
      const table = await bed.open({ engine: "duckdb", mode: "file" });
      const report = await table.load(assigned(...Array.from({ length: 24 }, (_, i) => `p${i}`)), bed.signal);
      expect(report.failed).toEqual([]);
      expect(await bed.query(table, "SELECT count(*)::INTEGER AS n, sum(id)::VARCHAR AS s FROM {t}")).toEqual(
        [{ n: rows, s: String((rows * (rows - 1)) / 2) }],
      );
    } finally {
      clearInterval(watch);
    }
    expect(peak - start).toBeLessThan(128 + 200);
  },
);
