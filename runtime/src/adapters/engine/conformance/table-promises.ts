import assert from "node:assert/strict";
import type { AcceleratorTable, TableWrite } from "../../../ports/accelerator.ts";
import type { Database, Json } from "../../../ports/database.ts";
import {
  type ConformanceSubject,
  columns,
  conformanceDataset,
  type DirectoryTest,
  overwrite,
  partitionExpressions,
  rows,
  sums,
  unit,
} from "./subject.ts";

/** What holds of a table while its process lives: versions, writes, columns, partitions. */
export function tablePromises(subject: ConformanceSubject, test: DirectoryTest): void {
  const { capabilities } = subject.description;

  test("is what it is registered as", async (open) => {
    const { accelerator } = await open();
    assert.equal(accelerator.name, subject.description.name);
    assert.deepEqual(accelerator.capabilities, capabilities);
    assert.ok(capabilities.modes.includes(subject.mode), `mode: ${subject.mode}`);
    assert.ok(capabilities.modes.includes(capabilities.defaultMode), "the default mode is one of the modes");
    const names = capabilities.parameters.map((p) => p.name);
    assert.equal(new Set(names).size, names.length, "no parameter is described twice");
    const unknown = Object.keys(subject.parameters).filter((name) => !names.includes(name));
    assert.deepEqual(unknown, [], "the parameters under test are described");
  });

  test("a new table is empty and has the dataset's columns", async (open) => {
    const { accelerator } = await open();
    const dataset = conformanceDataset(subject);
    await accelerator.init?.(dataset);
    const table = await accelerator.createTable({ dataset, values: unit(subject) });
    assert.equal(table.current.version, 0);
    assert.deepEqual(table.current.columns, columns);
    assert.deepEqual(table.scan(table.current), []);
  });

  test("overwrite replaces all rows and the old version stays readable until it is discarded", async (open) => {
    const { accelerator, database } = await open();
    const dataset = conformanceDataset(subject);
    await accelerator.init?.(dataset);
    const table = await accelerator.createTable({ dataset, values: unit(subject) });
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
  });

  if (capabilities.incrementalRefresh) {
    test("append adds, leaves out what it reads again, and keeps the segments few", async (open) => {
      const { accelerator, database } = await open();
      const dataset = conformanceDataset(subject);
      await accelerator.init?.(dataset);
      const table = await accelerator.createTable({ dataset, values: unit(subject) });
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
    });
  }

  if (capabilities.upsert) {
    test("upsert keeps one row per primary key, the newer or the first by rule", async (open) => {
      const { accelerator, database } = await open();
      const dataset = conformanceDataset(subject, { primaryKey: ["id"] });
      await accelerator.init?.(dataset);
      const table = await accelerator.createTable({ dataset, values: unit(subject) });
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
    });
  }

  test("overwrite refuses rows that share a primary key, or keeps the one that the rule says", async (open) => {
    const { accelerator, database } = await open();
    const dataset = conformanceDataset(subject, { primaryKey: ["id"] });
    await accelerator.init?.(dataset);
    const table = await accelerator.createTable({ dataset, values: unit(subject) });
    await table.insert(rows("range(3)", 1), overwrite("0"));
    const twice = {
      sql: "SELECT 7::BIGINT AS id, range::INTEGER AS v, '' AS note FROM range(4)",
      columns,
    };
    await assert.rejects(table.insert(twice, overwrite("1")), { name: "DuplicateKeyError" });
    assert.deepEqual(await values(database, table), "1,1,1");
    const kinds = capabilities.upsert ? (["drop", "upsert"] as const) : (["drop"] as const);
    for (const kind of kinds) {
      const mode = { kind: "overwrite", duplicates: { kind, order: "v DESC" } } as const;
      await table.insert(twice, { mode, watermark: "1", position: null });
      assert.deepEqual(await values(database, table), "3");
    }
  });

  if (capabilities.indexes) {
    test("a unique index refuses rows that share its value, not those without one", async (open) => {
      const { accelerator, database } = await open();
      const dataset = conformanceDataset(subject, { indexes: [{ columns: ["v"], unique: true }] });
      await accelerator.init?.(dataset);
      const table = await accelerator.createTable({ dataset, values: unit(subject) });
      const nulls = { sql: "SELECT range AS id, NULL::INTEGER AS v, '' AS note FROM range(3)", columns };
      await table.insert(nulls, overwrite("0"));
      await assert.rejects(table.insert(rows("range(2)", 5), overwrite("1")), { name: "DuplicateKeyError" });
      assert.deepEqual(await sums(database, table, table.current), { n: "3", s: "3" });
    });
  }

  test("a write takes the number that it is given and the newest time of its rows", async (open) => {
    const { accelerator, database } = await open();
    const dataset = conformanceDataset(subject);
    await accelerator.init?.(dataset);
    const table = await accelerator.createTable({ dataset, values: unit(subject) });
    const newest = { ...overwrite("2"), watermarkSql: "CAST(max(id) AS VARCHAR)" };
    const seventh = await table.insert(rows("range(6)"), { ...newest, version: 7 });
    assert.deepEqual([seventh.version, seventh.watermark], [7, "5"]);
    const ninth = await table.insert(rows("range(2)"), { ...newest, version: 9 });
    assert.deepEqual([ninth.version, ninth.watermark], [9, "2"]);
    await assert.rejects(table.insert(rows("range(1)"), { ...newest, version: 9 }), { name: "RangeError" });
    const empty = await table.insert({ sql: "", columns, empty: true }, newest);
    assert.deepEqual([empty.version, empty.watermark, empty.rows], [10, "2", 0]);
    assert.deepEqual(await sums(database, table, ninth), { n: "2", s: "1" });
    assert.deepEqual(table.scan(empty), []);
  });

  test("delete removes the rows for which the predicate holds, and keeps the version when there are none", async (open) => {
    const { accelerator, database } = await open();
    const dataset = conformanceDataset(subject);
    await accelerator.init?.(dataset);
    const table = await accelerator.createTable({ dataset, values: unit(subject) });
    await table.insert(rows("range(10)"), overwrite("0"));
    const same = await table.delete("id > 100");
    assert.equal(same.version, 1);
    const fewer = await table.delete("id >= 5 OR note IS NULL");
    assert.equal(fewer.version, 2);
    assert.deepEqual(await sums(database, table, fewer), { n: "5", s: "10" });
  });

  test("a failed insert leaves the old version, on every kind of failure", async (open) => {
    const { accelerator, database } = await open();
    const dataset = conformanceDataset(subject);
    await accelerator.init?.(dataset);
    const table = await accelerator.createTable({ dataset, values: unit(subject) });
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
  });

  if (partitionExpressions(subject) !== "none") {
    test("tables that are written together are committed together, or none is", async (open) => {
      const { accelerator, database } = await open();
      const dataset = conformanceDataset(subject, { primaryKey: ["id"] });
      await accelerator.init?.(dataset);
      const tables = await Promise.all(
        ["a", "b", "c"].map((value) => accelerator.createTable({ dataset, values: [value] })),
      );
      const write = (...ranges: string[]) =>
        accelerator.insertTogether?.(
          tables.map((table, i) => ({ table, rows: rows(ranges[i]!), write: overwrite("1") })),
        );
      const first = await write("range(3)", "range(5)", "range(0)");
      if (first === undefined) {
        assert.deepEqual(
          tables.map((table) => table.current.version),
          [0, 0, 0],
        );
        return;
      }
      assert.deepEqual(
        first.map(({ version, rows: count }) => [version, count]),
        [
          [1, 3],
          [1, 5],
          [1, 0],
        ],
      );
      const twice = "(SELECT 1 AS range FROM range(2))";
      await assert.rejects(write("range(9)", "range(9)", twice) ?? Promise.resolve(), {
        name: "DuplicateKeyError",
      });
      for (const [i, table] of tables.entries()) assert.equal(table.current, first[i]);
      assert.deepEqual(await sums(database, tables[1]!, tables[1]!.current), { n: "5", s: "10" });
      const second = await write("range(1)", "range(2)", "range(3)");
      assert.deepEqual(
        second?.map(({ version, rows: count }) => [version, count]),
        [
          [2, 1],
          [2, 2],
          [2, 3],
        ],
      );
    });
  }

  if (capabilities.incrementalRefresh) {
    test("takes up added columns and wider types, and reads old segments with them", async (open) => {
      const { accelerator, database } = await open();
      const dataset = conformanceDataset(subject);
      await accelerator.init?.(dataset);
      const table = await accelerator.createTable({ dataset, values: unit(subject) });
      const first = await table.insert(rows("range(3)", 1), overwrite("0"));
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
      // What a query sees whose plan knows the new columns and whose pin is the old version.
      const [old] = table.scan(first, wider);
      assert.deepEqual(await database.describe(`SELECT * FROM ${old}`), wider);
    });
  }

  if (partitionExpressions(subject) !== "none") {
    test("keeps partitions apart whose values differ only in case or are strange", async (open) => {
      const { accelerator, database } = await open();
      const dataset = conformanceDataset(subject);
      await accelerator.init?.(dataset);
      const names = ["a", "A", "", "none", null, "x/y=%\n🦆", "it's [a-b]*?", "..", "é", "É"];
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
    });
  }

  if (partitionExpressions(subject) === "several") {
    test("keeps partitions of several expressions apart", async (open) => {
      const { accelerator, database } = await open();
      const partitionBy = ["a", "b"].map((name) => ({ name, expression: name }));
      const dataset = conformanceDataset(subject, { partitionBy });
      await accelerator.init?.(dataset);
      const units = [
        ["a", "b"],
        ["b", "a"],
        ["a", null],
        [null, "a"],
      ];
      const tables: AcceleratorTable[] = [];
      for (const [i, values] of units.entries()) {
        const table = await accelerator.createTable({ dataset, values });
        await table.insert(rows(`range(${i}, ${i + 1})`), overwrite("0"));
        tables.push(table);
      }
      for (const [i, table] of tables.entries()) {
        assert.deepEqual(await sums(database, table, table.current), { n: "1", s: String(i) });
      }
    });
  }
}

async function values(database: Database, table: AcceleratorTable): Promise<Json | undefined> {
  const relations = table.scan(table.current).map((r) => `SELECT * FROM ${r}`);
  const got = await database.rows(
    `SELECT string_agg(v, ',' ORDER BY id) AS v FROM (${relations.join(" UNION ALL ")})`,
  );
  return got[0]?.["v"];
}
