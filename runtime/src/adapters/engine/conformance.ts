import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type {
  AcceleratedDataset,
  Accelerator,
  AcceleratorTable,
  TableWrite,
} from "../../ports/accelerator.ts";
import type { Database, Json } from "../../ports/database.ts";
import { openDatabase } from "../duckdb/database.ts";

/** An engine under test: where its factory is, and the dataset options under which it is tried. */
export interface ConformanceSubject {
  readonly name: string;
  /** URL of the module and name of the export `(context) => Accelerator`: a child process loads it too. */
  readonly module: string;
  readonly factory: string;
  readonly mode: "memory" | "file";
  readonly parameters: Readonly<Record<string, string>>;
}

/** The two functions of a test framework that the suite needs. */
export interface TestFramework {
  describe(name: string, body: () => void): void;
  test(name: string, body: () => Promise<void>): void;
}

interface Opened {
  readonly database: Database;
  readonly accelerator: Accelerator;
  close(): Promise<void>;
}

const columns = [
  { name: "id", type: "BIGINT" },
  { name: "v", type: "INTEGER" },
  { name: "note", type: "VARCHAR" },
];

/** The dataset that the suite stores. */
export function conformanceDataset(
  subject: Pick<ConformanceSubject, "mode" | "parameters">,
  change: Partial<AcceleratedDataset> = {},
): AcceleratedDataset {
  return {
    name: "conformance",
    mode: subject.mode,
    partitionBy: [{ name: "part", expression: "part" }],
    columns,
    primaryKey: [],
    indexes: [],
    parameters: subject.parameters,
    unitPath: (values) =>
      values
        .map((v) => `part=${v === null ? "__HIVE_DEFAULT_PARTITION__" : encodeURIComponent(v)}`)
        .join("/"),
    ...change,
  };
}

/** Every promise of the accelerator interface (spec chapter 05), run against one engine. */
export function acceleratorConformance(subject: ConformanceSubject, framework: TestFramework): void {
  const { describe, test } = framework;
  const withDirectory =
    (body: (open: () => Promise<Opened>, directory: string) => Promise<void>) => async () => {
      const directory = await mkdtemp(join(tmpdir(), "conformance-"));
      const opened: Opened[] = [];
      try {
        await body(async () => {
          const one = await openSubject(subject, directory);
          opened.push(one);
          return one;
        }, directory);
      } finally {
        for (const one of opened) await one.close();
        await rm(directory, { recursive: true, force: true });
      }
    };

  describe(`accelerator ${subject.name}`, () => {
    test(
      "a new table is empty and has the dataset's columns",
      withDirectory(async (open) => {
        const { accelerator } = await open();
        const dataset = conformanceDataset(subject);
        await accelerator.init?.(dataset);
        const table = await accelerator.createTable({ dataset, values: ["a"] });
        assert.equal(table.current.version, 0);
        assert.deepEqual(table.current.columns, columns);
        assert.deepEqual(table.scan(table.current), []);
      }),
    );

    test(
      "overwrite replaces all rows and the old version stays readable until it is discarded",
      withDirectory(async (open) => {
        const { accelerator, database } = await open();
        const dataset = conformanceDataset(subject);
        await accelerator.init?.(dataset);
        const table = await accelerator.createTable({ dataset, values: ["a"] });
        const first = await table.insert(rows("range(10)"), overwrite("1"));
        const second = await table.insert(rows("range(20, 25)"), overwrite("2"));
        assert.deepEqual([first.version, second.version], [1, 2]);
        assert.deepEqual([first.rows, second.rows], [10, 5]);
        assert.equal(second.watermark, "2");
        assert.deepEqual(await sums(database, table, first), { n: "10", s: "45" });
        assert.deepEqual(await sums(database, table, second), { n: "5", s: "110" });
        await table.discard(first, [second]);
        assert.deepEqual(await sums(database, table, second), { n: "5", s: "110" });
        await assert.rejects(sums(database, table, first), "a discarded version is gone");
        assert.deepEqual(second.statistics["id"], { min: "20", max: "24", nulls: 0 });
      }),
    );

    test(
      "append adds, leaves out what it reads again, and keeps the segments few",
      withDirectory(async (open) => {
        const { accelerator, database } = await open();
        const dataset = conformanceDataset(subject);
        await accelerator.init?.(dataset);
        const table = await accelerator.createTable({ dataset, values: ["a"] });
        await table.insert(rows("range(100)"), overwrite("0"));
        for (let i = 1; i <= 20; i++) {
          await table.insert(rows(`range(${90 + i * 10}, ${110 + i * 10})`), {
            mode: { kind: "append", reread: `id >= ${90 + i * 10}` },
            watermark: String(i),
            position: null,
          });
        }
        assert.deepEqual(await sums(database, table, table.current), {
          n: "310",
          s: String((309 * 310) / 2),
        });
        assert.ok(table.current.segments.length <= 8, `${table.current.segments.length} segments`);
        assert.equal(table.current.statistics["id"]?.max, "309");
      }),
    );

    test(
      "upsert keeps one row per primary key, the newer or the first by rule",
      withDirectory(async (open) => {
        const { accelerator, database } = await open();
        const dataset = conformanceDataset(subject, { primaryKey: ["id"] });
        await accelerator.init?.(dataset);
        const table = await accelerator.createTable({ dataset, values: ["a"] });
        await table.insert(rows("range(10)", 1), overwrite("0"));
        const upsert = (kind: "upsert" | "drop"): TableWrite => ({
          mode: { kind: "upsert", duplicates: { kind } },
          watermark: "1",
          position: null,
        });
        await table.insert(rows("range(8, 12)", 2), upsert("upsert"));
        assert.deepEqual(await values(database, table), "1,1,1,1,1,1,1,1,2,2,2,2");
        await table.insert(rows("range(0, 14)", 3), upsert("drop"));
        assert.deepEqual(await values(database, table), "1,1,1,1,1,1,1,1,2,2,2,2,3,3");
        await assert.rejects(
          table.insert(
            { sql: "SELECT 1::BIGINT AS id, 1 AS v, '' AS note FROM range(2)", columns },
            overwrite("9"),
          ),
          { name: "DuplicateKeyError" },
        );
        assert.deepEqual(await values(database, table), "1,1,1,1,1,1,1,1,2,2,2,2,3,3");
      }),
    );

    test(
      "delete removes the rows for which the predicate holds, and keeps the version when there are none",
      withDirectory(async (open) => {
        const { accelerator, database } = await open();
        const dataset = conformanceDataset(subject);
        await accelerator.init?.(dataset);
        const table = await accelerator.createTable({ dataset, values: ["a"] });
        await table.insert(rows("range(10)"), overwrite("0"));
        const same = await table.delete("id > 100");
        assert.equal(same.version, 1);
        const fewer = await table.delete("id >= 5 OR note IS NULL");
        assert.equal(fewer.version, 2);
        assert.deepEqual(await sums(database, table, fewer), { n: "5", s: "10" });
      }),
    );

    test(
      "a failed insert leaves the old version, on every kind of failure",
      withDirectory(async (open) => {
        const { accelerator, database } = await open();
        const dataset = conformanceDataset(subject);
        await accelerator.init?.(dataset);
        const table = await accelerator.createTable({ dataset, values: ["a"] });
        const old = await table.insert(rows("range(10)"), overwrite("0"));
        const failing = `SELECT range AS id, 1 AS v, CASE WHEN range = 200000 THEN error('boom') ELSE '' END AS note FROM range(300000)`;
        await assert.rejects(table.insert({ sql: failing, columns }, overwrite("1")), /boom/);
        await assert.rejects(
          table.insert({ sql: "SELECT 1::BIGINT AS id", columns: columns.slice(0, 1) }, overwrite("1")),
          { name: "SchemaMismatchError" },
        );
        await assert.rejects(
          table.insert(
            {
              sql: "SELECT sum(a.range * b.range)::BIGINT AS id, 1 AS v, '' AS note FROM range(1000000) a, range(1000000) b",
              columns,
            },
            overwrite("1"),
            AbortSignal.timeout(200),
          ),
          { name: "TimeoutError" },
        );
        const confirm = () => Promise.reject(new Error("the source changed"));
        await assert.rejects(
          table.insert({ ...rows("range(4)"), confirm }, overwrite("1")),
          /the source changed/,
        );
        assert.equal(table.current, old);
        assert.deepEqual(await sums(database, table, old), { n: "10", s: "45" });
        assert.equal((await table.insert(rows("range(3)"), overwrite("1"))).version, 2);
      }),
    );

    test(
      "takes up added columns and wider types, and reads old segments with them",
      withDirectory(async (open) => {
        const { accelerator, database } = await open();
        const dataset = conformanceDataset(subject);
        await accelerator.init?.(dataset);
        const table = await accelerator.createTable({ dataset, values: ["a"] });
        await table.insert(rows("range(3)", 1), overwrite("0"));
        const wider = [
          columns[0]!,
          { name: "v", type: "BIGINT" },
          columns[2]!,
          { name: "extra", type: "DATE" },
        ];
        const next = await table.insert(
          {
            sql: "SELECT 9::BIGINT AS id, 5000000000::BIGINT AS v, '' AS note, DATE '2024-02-29' AS extra",
            columns: wider,
          },
          { mode: { kind: "append" }, watermark: "1", position: null },
        );
        assert.deepEqual(next.columns, wider);
        const relations = table.scan(next).map((r) => `SELECT * FROM ${r}`);
        assert.deepEqual(
          await database.rows(
            `SELECT sum(v)::VARCHAR AS v, count(extra)::INTEGER AS extra FROM (${relations.join(" UNION ALL ")})`,
          ),
          [{ v: "5000000003", extra: 1 }],
        );
      }),
    );

    test(
      "keeps partitions apart whose values differ only in case or are strange",
      withDirectory(async (open) => {
        const { accelerator, database } = await open();
        const dataset = conformanceDataset(subject);
        await accelerator.init?.(dataset);
        const names = ["a", "A", "", "none", null, "x/y=%\n🦆", "..", "é", "É"];
        const tables: AcceleratorTable[] = [];
        for (const [i, value] of names.entries()) {
          const table = await accelerator.createTable({ dataset, values: [value] });
          await table.insert(rows(`range(${i}, ${i + 1})`), overwrite("0"));
          tables.push(table);
        }
        for (const [i, table] of tables.entries()) {
          assert.deepEqual(await sums(database, table, table.current), { n: "1", s: String(i) });
        }
        await tables[1]!.drop();
        assert.deepEqual(await sums(database, tables[0]!, tables[0]!.current), { n: "1", s: "0" });
      }),
    );

    if (subject.mode !== "file") return;

    test(
      "finds version, watermark and rows again, and refuses other partition expressions",
      withDirectory(async (open) => {
        const first = await open();
        const dataset = conformanceDataset(subject);
        await first.accelerator.init?.(dataset);
        const table = await first.accelerator.createTable({ dataset, values: ["A/b"] });
        await table.insert(rows("range(10)"), overwrite("0"));
        await table.insert(rows("range(10, 12)"), {
          mode: { kind: "append" },
          watermark: "7",
          position: "p",
        });
        const empty = await first.accelerator.createTable({ dataset, values: [null] });
        await empty.insert({ ...rows("range(0)"), empty: true }, overwrite("7"));
        await first.accelerator.recordUnits?.(dataset, [
          { values: ["A/b"], version: { ...table.current, watermark: "8" } },
          { values: [null], version: empty.current },
        ]);
        await first.close();

        const second = await open();
        const found = (await second.accelerator.init?.(dataset))!.partitions;
        assert.deepEqual(
          found.map((u) => [u.values, u.version.version, u.version.rows, u.version.watermark]),
          [
            [["A/b"], 2, 12, "8"],
            [[null], 1, 0, "7"],
          ],
        );
        const again = await second.accelerator.createTable({ dataset, values: ["A/b"] });
        assert.deepEqual(await sums(second.database, again, again.current), { n: "12", s: "66" });
        await second.close();

        const third = await open();
        const changed = conformanceDataset(subject, { partitionBy: [{ name: "part", expression: "other" }] });
        await assert.rejects(third.accelerator.init!(changed), {
          message:
            "The 'partition_by' expressions are different from the expressions used to create the existing partition files. Revert the 'partition_by' expressions, delete the partition files, or change the location the partition files are stored to create new partitions.",
        });
      }),
    );

    test(
      "after kill -9 in the middle of writes storage has one whole version",
      withDirectory(async (open, directory) => {
        let version = 0;
        for (const delay of [0, 15, 40, 90, 170]) {
          const seen = await killWriter(subject, directory, delay);
          const { accelerator, database, close } = await open();
          const dataset = conformanceDataset(subject);
          const unit = (await accelerator.init?.(dataset))!.partitions[0];
          assert.ok(
            (unit?.version.version ?? 0) >= Math.max(seen, version),
            "an announced version is durable",
          );
          version = unit?.version.version ?? 0;
          if (unit !== undefined) {
            const table = await accelerator.createTable({ dataset, values: unit.values });
            const relations = table.scan(table.current).map((r) => `SELECT * FROM ${r}`);
            const got = await database.rows(
              `SELECT count(*)::INTEGER AS n, min(v) AS low, max(v) AS high FROM (${relations.join(" UNION ALL ")})`,
            );
            assert.deepEqual(got, [{ n: 1000 * ((version % 7) + 1), low: version, high: version }]);
            assert.equal(table.current.watermark, String(version));
          }
          await close();
        }
        assert.ok(version > 0, "the writer never came to a commit");
      }),
    );
  });
}

/** Open the subject over `directory` with a database of its own. */
export async function openSubject(
  subject: Pick<ConformanceSubject, "module" | "factory">,
  directory: string,
): Promise<Opened> {
  const database = await openDatabase({
    threads: 2,
    memoryLimit: "512MB",
    tempDirectory: join(directory, "tmp"),
  });
  const loaded = (await import(subject.module)) as Record<string, (context: object) => Accelerator>;
  const accelerator = loaded[subject.factory]!({ database, dataDir: directory });
  let closed = false;
  return {
    database,
    accelerator,
    async close() {
      if (closed) return;
      closed = true;
      await accelerator.shutdown?.();
      await accelerator.shutdown?.();
      await database.close();
    },
  };
}

function rows(range: string, v = 0) {
  return { sql: `SELECT range AS id, ${v} AS v, 'note ' || range AS note FROM ${range}`, columns };
}

function overwrite(watermark: string): TableWrite {
  return { mode: { kind: "overwrite", duplicates: { kind: "error" } }, watermark, position: null };
}

async function sums(
  database: Database,
  table: AcceleratorTable,
  version: AcceleratorTable["current"],
): Promise<Record<string, Json> | undefined> {
  const relations = table.scan(version).map((r) => `SELECT * FROM ${r}`);
  return (
    await database.rows(
      `SELECT count(*)::VARCHAR AS n, sum(id)::VARCHAR AS s FROM (${relations.join(" UNION ALL ")})`,
    )
  )[0];
}

async function values(database: Database, table: AcceleratorTable): Promise<Json | undefined> {
  const relations = table.scan(table.current).map((r) => `SELECT * FROM ${r}`);
  const got = await database.rows(
    `SELECT string_agg(v, ',' ORDER BY id) AS v FROM (${relations.join(" UNION ALL ")})`,
  );
  return got[0]?.["v"];
}

/** Start a process that writes version after version, kill it, and give the last version that it announced. */
async function killWriter(subject: ConformanceSubject, directory: string, delayMs: number): Promise<number> {
  const script = fileURLToPath(new URL(`./conformance-writer${extname(import.meta.url)}`, import.meta.url));
  const child = spawn(
    process.execPath,
    ["--conditions=source", "--no-warnings", script, JSON.stringify({ ...subject, directory })],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let seen = 0;
  const exited = once(child, "exit");
  const first = new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      const lines = chunk.toString().trim().split("\n");
      seen = Math.max(seen, Number(lines.at(-1)));
      resolve();
    });
  });
  await Promise.race([first, exited]);
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  child.kill("SIGKILL");
  await exited;
  return seen;
}
