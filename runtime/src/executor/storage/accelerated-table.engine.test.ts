import { chmodSync, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { assigned, openBed, type TableBed } from "../../../test/support/table-bed.ts";
import type { DatasetConfig } from "./dataset-config.ts";
import { ExecutorPartitionStore } from "./partition-store.ts";

const engines: Record<string, Partial<DatasetConfig>> = {
  arrow: {},
  "duckdb files": { engine: "duckdb", mode: "file" },
  "duckdb tables": { engine: "duckdb", mode: "file", parameters: { partition_mode: "tables" } },
};
const summary = "SELECT count(*)::INTEGER AS n, coalesce(sum(id), 0)::INTEGER AS s FROM {t}";
const rows = (count: number, from = 0) =>
  `SELECT (range + ${from})::BIGINT AS id, CASE WHEN range % 5 = 4 THEN NULL ELSE 'p' || range % 5 END AS part,
     TIMESTAMP '2026-01-01' + INTERVAL (range + ${from}) SECOND AS at FROM range(${count})`;

/** Let time pass until a read fails because its table was dropped; the drop itself takes real time. */
async function gone(read: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    await bed.clock.advance(5_000);
    const error = await read().then(
      () => undefined,
      (caught: Error) => caught,
    );
    if (error !== undefined)
      return expect(error).toMatchObject({
        name: "SqlError",
        category: expect.stringMatching(/Catalog|Binder/),
      });
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("the table is still there");
}

let bed: TableBed;
beforeEach(async () => {
  bed = await openBed();
});
afterEach(() => bed.close());

describe.each(Object.entries(engines))("an accelerated table on %s", (_name, engine) => {
  test("gives each partition its rows, NULL keys too, and drops those of other executors", async () => {
    await bed.parquet("a", rows(1000));
    const table = await bed.open(engine);
    const report = await table.load(assigned("p0", "p1", null, "absent"), bed.signal);
    expect(report.partitions.map((p) => [p.key, p.version, p.rows, p.loaded])).toEqual([
      ['["p0"]', 1, 200, true],
      ['["p1"]', 1, 200, true],
      ["[null]", 1, 200, true],
      ['["absent"]', 1, 0, true],
    ]);
    expect(report.rows).toBe(600);
    expect(
      await bed.query(table, "SELECT part, count(*)::INTEGER AS n FROM {t} GROUP BY part ORDER BY part"),
    ).toEqual([
      { part: "p0", n: 200 },
      { part: "p1", n: 200 },
      { part: null, n: 200 },
    ]);
    expect(table.partitions()[0]?.statistics["id"]).toEqual({ min: "0", max: "995", nulls: 0 });
  });

  test("a pinned version stays as it was across refreshes and is dropped after its release and a grace", async () => {
    await bed.parquet("a", rows(100));
    const table = await bed.open(engine);
    await table.load(assigned("p0", "p1"), bed.signal);
    const store = new ExecutorPartitionStore();
    store.add(table);
    const plan = [{ key: '["p0"]', epoch: 1, version: 1 }];
    const pinned = store.pin("spice.public.events", plan);
    const count = () => bed.database.rows(`SELECT count(*)::INTEGER AS n FROM ${pinned.relations[0]}`);
    await bed.parquet("a", rows(50));
    await table.refresh({}, bed.signal);
    expect(await bed.query(table, summary)).toEqual([{ n: 20, s: 460 }]);
    await bed.clock.advance(60_000);
    expect(await count()).toEqual([{ n: 20 }]);
    pinned.release();
    pinned.release();
    expect(() => store.pin("spice.public.events", plan).release()).not.toThrow();
    await gone(count);
    expect(() => store.pin("spice.public.events", plan)).toThrow(
      expect.objectContaining({ name: "StalePlanError" }),
    );
    table.assign('["p0"]', { epoch: 3, role: "owner" });
    for (const partition of [
      { epoch: 2, version: 2 },
      { epoch: 3, version: 9 },
    ]) {
      expect(() => store.pin("spice.public.events", [{ key: '["p0"]', ...partition }])).toThrow(
        expect.objectContaining({ name: "StalePlanError" }),
      );
    }
    expect(() => store.pin("spice.public.events", [{ key: '["p4"]', epoch: 1, version: 1 }])).toThrow(
      /not served/,
    );
    const known = store.pin("spice.public.events", [{ key: '["p0"]', epoch: 3, version: 2 }]);
    expect(known.relations).toHaveLength(1);
    known.release();
  });

  test("append reads past the watermark, again within the overlap, without doubling rows", async () => {
    await bed.parquet("a", rows(100));
    const table = await bed.open({
      ...engine,
      refreshMode: "append",
      timeColumn: { name: "at", format: "timestamp" },
      appendOverlapMs: 20_000,
    });
    await table.load(assigned("p0", "p1", "p2", "p3", null), bed.signal);
    expect(table.partitions().map((p) => p.watermark)).toEqual(Array(5).fill("2026-01-01 00:01:39.000000"));
    // Rows 85 to 99 come again, 100 to 119 are new, and one is late: within the overlap, but not seen before.
    await bed.parquet("a", `${rows(35, 85)} UNION ALL SELECT 1000, 'p1', TIMESTAMP '2026-01-01 00:01:30'`);
    const report = await table.refresh({}, bed.signal);
    expect(report.partitions.every((p) => p.watermark === "2026-01-01 00:01:59.000000")).toBe(true);
    expect(await bed.query(table, summary)).toEqual([{ n: 121, s: 7140 + 1000 }]);
    // Outside of the overlap: not read, whatever it says.
    await bed.parquet("a", `SELECT 5::BIGINT AS id, 'p1' AS part, TIMESTAMP '2026-01-01' AS at`);
    expect((await table.refresh({}, bed.signal)).rows).toBe(0);
    expect(await bed.query(table, summary)).toEqual([{ n: 121, s: 8140 }]);
  });

  test("append with a primary key takes the newer row", async () => {
    await bed.parquet("a", rows(10));
    const table = await bed.open({
      ...engine,
      refreshMode: "append",
      primaryKey: ["id"],
      timeColumn: { name: "at", format: "timestamp" },
    });
    await table.load(assigned("p0", "p1", "p2", "p3", null), bed.signal);
    await bed.parquet("a", `SELECT 5::BIGINT AS id, 'p0' AS part, TIMESTAMP '2026-02-01' AS at`);
    await table.refresh({}, bed.signal);
    expect(
      await bed.query(
        table,
        'SELECT count(*)::INTEGER AS n, max("at")::VARCHAR AS newest FROM {t} WHERE id = 5',
      ),
    ).toEqual([{ n: 1, newest: "2026-02-01 00:00:00" }]);
    expect(await bed.query(table, summary)).toEqual([{ n: 10, s: 45 }]);
  });

  test("takes up a new column and a wider type, and keeps the old data when a column goes", async () => {
    await bed.parquet("a", "SELECT 1::INTEGER AS id, 'p0' AS part");
    const table = await bed.open(engine);
    await table.load(assigned("p0", "p1"), bed.signal);
    await bed.parquet("a", "SELECT 5000000000::BIGINT AS id, 'p0' AS part, 1.5::DOUBLE AS extra");
    await table.refresh({ partitions: ['["p0"]'] }, bed.signal);
    expect(await bed.query(table, "SELECT * FROM {t}")).toEqual([
      { id: "5000000000", part: "p0", extra: 1.5 },
    ]);
    await bed.parquet("a", "SELECT 6::BIGINT AS id, 'p0' AS part");
    await expect(table.refresh({}, bed.signal)).rejects.toMatchObject({
      name: "SchemaMismatchError",
      message: expect.stringMatching(/column extra is no longer in the source/),
    });
    expect(await bed.query(table, "SELECT id FROM {t}")).toEqual([{ id: "5000000000" }]);
  });

  test("a failing source keeps the old data serving", async () => {
    await bed.parquet("a", rows(100));
    const table = await bed.open(engine);
    await table.load(assigned("p0", "p1"), bed.signal);
    writeFileSync(join(bed.directory, "source/a.parquet"), "PAR1 this is no Parquet file PAR1");
    await expect(table.refresh({}, bed.signal)).rejects.toThrow(/a\.parquet/);
    rmSync(join(bed.directory, "source"), { recursive: true });
    await expect(table.refresh({}, bed.signal)).rejects.toMatchObject({
      name: "SourceError",
      retryable: true,
    });
    expect(await bed.query(table, summary)).toEqual([{ n: 40, s: 1920 }]);
    await bed.parquet("a", rows(10));
    await table.refresh({}, bed.signal);
    expect(await bed.query(table, "SELECT count(*)::INTEGER AS n FROM {t}")).toEqual([{ n: 4 }]);
  });
});

describe.each(Object.entries(engines).slice(1))("storage of %s", (name, engine) => {
  test("serves what it holds after a restart without asking the source, with version and watermark", async () => {
    await bed.parquet("a", rows(100));
    const append = {
      ...engine,
      refreshMode: "append",
      timeColumn: { name: "at", format: "timestamp" },
    } as const;
    let table = await bed.open(append);
    await table.load(assigned("p0", "p1", "empty"), bed.signal);
    await table.refresh({}, bed.signal);
    rmSync(join(bed.directory, "source"), { recursive: true });
    bed = await bed.reopen();
    table = await bed.open(append);
    const report = await table.load(assigned("p0", "p1", "empty"), bed.signal);
    expect(report.partitions.map((p) => [p.rows, p.loaded, p.watermark])).toEqual([
      [20, true, "2026-01-01 00:01:36.000000"],
      [20, true, "2026-01-01 00:01:36.000000"],
      [0, true, "2026-01-01 00:01:36.000000"],
    ]);
    expect(await bed.query(table, summary)).toEqual([{ n: 40, s: 1920 }]);
    // `always` is a wish for fresh data: without the source the partitions are not loaded.
    bed = await bed.reopen();
    table = await bed.open({ ...append, refreshOnStartup: "always" });
    await expect(table.load(assigned("p0"), bed.signal)).rejects.toMatchObject({ name: "SourceError" });
  });

  test("frees what others own since a restart, and keeps and serves the rest", async () => {
    await bed.parquet("a", rows(100));
    let table = await bed.open(engine);
    await table.load(assigned("p0", "p1", "p2"), bed.signal);
    await table.settled();
    bed = await bed.reopen();
    table = await bed.open(engine);
    const kept = new Map([['["p0"]', 1]]);
    expect(await table.freeUnwanted(() => kept)).toBe(2);
    expect(await table.freeUnwanted(() => kept)).toBe(0);
    expect((await table.load(assigned("p0"), bed.signal)).rows).toBe(0);
    expect(await bed.query(table, summary)).toEqual([{ n: 20, s: 950 }]);
    await table.settled();
    // Nothing of the others is found again.
    rmSync(join(bed.directory, "source"), { recursive: true });
    bed = await bed.reopen();
    table = await bed.open(engine);
    await expect(table.load(assigned("p1"), bed.signal)).rejects.toMatchObject({ name: "SourceError" });
    await table.load(assigned("p0"), bed.signal);
    expect(await bed.query(table, summary)).toEqual([{ n: 20, s: 950 }]);
    if (name === "duckdb files") {
      expect(readdirSync(join(bed.directory, "data/events")).filter((n) => n.startsWith("part="))).toEqual([
        "part=p0",
      ]);
    }
  });

  test("removes a partition's files when it is given up and nobody reads it", async () => {
    await bed.parquet("a", rows(100));
    const table = await bed.open(engine);
    await table.load(assigned("p0", "p1"), bed.signal);
    const pin = table.pin('["p0"]', 1, 1)!;
    const count = () => bed.database.rows(`SELECT count(*)::INTEGER AS n FROM ${pin.relations[0]}`);
    table.unload(['["p0"]']);
    // A plan that was made before may still be on its way; the next owner's epoch is nothing that was owned here.
    table.pin('["p0"]', 1, 1)!.release();
    expect(table.pin('["p0"]', 2, 1)).toBeUndefined();
    await bed.clock.advance(30_000);
    expect(table.pin('["p0"]', 1, 1)).toBeUndefined();
    expect(await count()).toEqual([{ n: 20 }]);
    pin.release();
    await gone(count);
    if (name === "duckdb files") {
      const folder = join(bed.directory, "data/events");
      for (let i = 0; i < 200 && existsSync(join(folder, "part=p0")); i++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      expect(readdirSync(folder).sort()).toEqual(["part=p1", "units.json"]);
    }
    expect(await bed.query(table, "SELECT count(*)::INTEGER AS n FROM {t}")).toEqual([{ n: 20 }]);
  });
});

test("a full refresh of unchanged objects reads nothing, also after a restart", async () => {
  const engine = { engine: "duckdb", mode: "file" } as const;
  await bed.parquet("a", rows(100));
  let table = await bed.open(engine);
  await table.load(assigned("p0", "p1"), bed.signal);
  expect(await table.refresh({}, bed.signal)).toMatchObject({ unchanged: true, rows: 0 });
  bed = await bed.reopen();
  table = await bed.open(engine);
  await table.load(assigned("p0", "p1"), bed.signal);
  expect((await table.refresh({}, bed.signal)).unchanged).toBe(true);
  expect(await table.refresh({ force: true }, bed.signal)).toMatchObject({ unchanged: false, rows: 40 });
  await bed.parquet("b", rows(10, 1000));
  expect(await table.refresh({}, bed.signal)).toMatchObject({ unchanged: false, rows: 44 });
});

test("append without a time column reads new objects only", async () => {
  await bed.parquet("a", rows(100));
  const table = await bed.open({ refreshMode: "append" });
  await table.load(assigned("p0", "p1"), bed.signal);
  expect((await table.refresh({}, bed.signal)).unchanged).toBe(true);
  await bed.parquet("b", rows(10, 1000));
  expect(await table.refresh({}, bed.signal)).toMatchObject({ rows: 4 });
  expect(await bed.query(table, "SELECT count(*)::INTEGER AS n FROM {t}")).toEqual([{ n: 44 }]);
});

test("refresh_sql narrows what is kept, however it names the dataset", async () => {
  await bed.parquet("a", rows(100));
  for (const [i, name] of ["events", "public.events", '"spice"."public"."Events"'].entries()) {
    const table = await bed.open({
      name: `events${i}`,
      refreshSql: `SELECT events.id, part FROM ${name} WHERE id < 50 -- the old ones`,
    });
    await table.load(assigned("p0", "p1"), bed.signal);
    expect(table.columns.map((c) => c.name)).toEqual(["id", "part"]);
    expect(await bed.query(table, "SELECT count(*)::INTEGER AS n FROM {t}")).toEqual([{ n: 20 }]);
  }
});

test("refresh_data_window and retention go by the time column", async () => {
  // The test clock says 2026-01-01 00:00 UTC.
  await bed.parquet(
    "a",
    `SELECT range AS id, 'p0' AS part, 1767225600 - range * 60 AS at FROM range(100) UNION ALL SELECT 500, 'p0', NULL`,
  );
  const config = {
    timeColumn: { name: "at", format: "unix_seconds" },
    retention: { periodMs: 600_000 },
  } as const;
  const windowed = await bed.open({ ...config, dataWindowMs: 3_600_000 });
  await windowed.load(assigned("p0"), bed.signal);
  expect(await bed.query(windowed, "SELECT count(*)::INTEGER AS n, max(id)::INTEGER AS m FROM {t}")).toEqual([
    { n: 60, m: 59 },
  ]);
  expect(await windowed.retain(bed.signal)).toBe(50);
  const all = await bed.open({ ...config, name: "all", retention: { predicate: "id BETWEEN 10 AND 19" } });
  await all.load(assigned("p0"), bed.signal);
  expect(await all.retain(bed.signal)).toBe(10);
  expect(await bed.query(all, "SELECT count(*)::INTEGER AS n FROM {t}")).toEqual([{ n: 91 }]);
  expect(await all.retain(bed.signal)).toBe(0);
});

test("a crash while a partition's file is created leaves nothing behind that disturbs", async () => {
  await bed.parquet("a", rows(100));
  const engine = { engine: "duckdb", mode: "file" } as const;
  let table = await bed.open(engine);
  await table.load(assigned("p0"), bed.signal);
  const file = join(bed.directory, "data/events/part=p1/data.duckdb");
  await bed.database.run(`COPY (SELECT 1) TO '${bed.directory}/x.csv'`);
  bed = await bed.reopen();
  const { mkdirSync } = await import("node:fs");
  mkdirSync(join(bed.directory, "data/events/part=p1"));
  writeFileSync(file, "cut off");
  table = await bed.open(engine);
  expect(existsSync(file)).toBe(false);
  await table.load(assigned("p0", "p1"), bed.signal);
  expect(await bed.query(table, "SELECT count(*)::INTEGER AS n FROM {t}")).toEqual([{ n: 40 }]);
});

test("a directory that cannot be written is an error that keeps the old data", async () => {
  await bed.parquet("a", rows(100));
  const table = await bed.open({ engine: "duckdb", mode: "file" });
  await table.load(assigned("p0"), bed.signal);
  const blocked = join(bed.directory, "data/events/part=p1");
  writeFileSync(blocked, "a file where the folder should be");
  chmodSync(blocked, 0o400);
  await expect(table.load(assigned("p1"), bed.signal)).rejects.toThrow(/part=p1/);
  expect(table.partitions().map((p) => [p.key, p.loaded])).toEqual([
    ['["p0"]', true],
    ['["p1"]', false],
  ]);
  expect(await bed.query(table, "SELECT count(*)::INTEGER AS n FROM {t}")).toEqual([{ n: 20 }]);
});
