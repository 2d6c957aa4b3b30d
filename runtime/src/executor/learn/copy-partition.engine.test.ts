import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type CopyOwner, openCopyOwner } from "../../../test/support/copy-owner.ts";
import { assigned, openBed, type TableBed, testConfig } from "../../../test/support/table-bed.ts";
import { builtInAccelerators } from "../../adapters/engine/registry.ts";
import type { SqlColumn } from "../../ports/database.ts";
import type { Source } from "../../ports/source.ts";
import type { AcceleratedTable } from "../storage/accelerated-table.ts";
import type { DatasetConfig } from "../storage/dataset-config.ts";
import { openDataset } from "../storage/open-dataset.ts";

const engines: Record<string, Partial<DatasetConfig>> = {
  arrow: {},
  "duckdb files": { engine: "duckdb", mode: "file" },
  "duckdb tables": { engine: "duckdb", mode: "file", parameters: { partition_mode: "tables" } },
};
const key = '["p0"]';
const learner = (epoch = 1) => ({ values: ["p0"], epoch, role: "learner" as const });
const rows = (count: number, from = 0) =>
  `SELECT (range + ${from})::BIGINT AS id, 'p' || range % 2 AS part,
     TIMESTAMP '2026-01-01' + INTERVAL (range + ${from}) SECOND AS at FROM range(${count})`;
const summary = "SELECT count(*)::INTEGER AS n, sum(id)::INTEGER AS s FROM {t}";
const stale = expect.objectContaining({ name: "StalePlanError" });

/** Two executors: what `ours` learns, `theirs` owns. Both read the same source. */
let ours: TableBed;
let theirs: TableBed;
let owner: CopyOwner;
beforeEach(async () => {
  [ours, theirs] = [await openBed(), await openBed()];
  owner = await openCopyOwner(theirs);
});
const opened: AcceleratedTable[] = [];
afterEach(async () => {
  await owner.close();
  for (const table of opened.splice(0)) await table.close();
  await ours.close();
  await theirs.close();
});

async function both(config: Partial<DatasetConfig>): Promise<[AcceleratedTable, AcceleratedTable]> {
  const source = `file:${theirs.directory}/source`;
  const [mine, their] = [await ours.open(config, source), await theirs.open(config)];
  owner.add(their);
  return [mine, their];
}

const state = (table: AcceleratedTable) => table.partitions().find((p) => p.key === key);
const promote = (table: AcceleratedTable, epoch: number) => table.assign(key, { epoch, role: "owner" });

const awkward = (count: number) => `SELECT id, 'p0' AS part,
      CASE WHEN id % 2 = 0 THEN CAST('170141183460469231731687303715884105727' AS HUGEINT) - id END AS huge,
      -CAST(id AS HUGEINT) * CAST('99999999999999999999' AS HUGEINT) AS neg, CAST(id * 1.25 AS DECIMAL(38,9)) AS dec,
      to_months(CAST(id AS INTEGER)) + to_seconds(id) AS span, encode('ä' || id) AS bytes,
      CAST([id, NULL, -1] AS HUGEINT[]) AS list, {'a': id, 'B c': [{'x': to_days(3)}]} AS struct,
      map([CAST(id AS VARCHAR)], [CAST(id AS HUGEINT)]) AS map,
      CAST(CASE id % 2 WHEN 0 THEN 'x' END AS ENUM('x', 'y')) AS kind, CAST('10110' AS BIT) AS bits,
      CAST([id, 2, 3] AS INTEGER[3]) AS fixed, CAST(union_value(num := CAST(id AS INTEGER)) AS UNION(num INTEGER, txt VARCHAR)) AS either,
      CAST('NaN' AS DOUBLE) AS nan, '' AS "odd ""name", CAST(TIMESTAMP '2026-01-01' + to_hours(id) AS TIMESTAMPTZ) AS tz, CAST(TIMESTAMP '2026-01-01' + to_hours(id) AS TIMESTAMP_S) AS seconds FROM (SELECT range AS id FROM range(${count}))`;

/** A dataset over a SELECT, as a source whose types no file format has. */
async function openOver(
  bed: TableBed,
  config: Partial<DatasetConfig>,
  select: () => string,
  columns?: readonly SqlColumn[],
): Promise<AcceleratedTable> {
  const source: Source = {
    location: "a query",
    pushes: { projection: false, filters: false, objects: false },
    schema: async () => (await bed.database.describe(select())).map((c) => ({ ...c, nullable: true })),
    open: async () => ({
      relation: `(${select()})`,
      position: null,
      empty: false,
      isCurrent: async () => true,
      close: async () => undefined,
    }),
    distinct: async () => [],
    close: async () => undefined,
  };
  const { database, clock } = bed;
  const context = {
    database,
    registry: builtInAccelerators(),
    source,
    clock,
    dataDir: join(bed.directory, "data"),
    columns,
  };
  const table = await openDataset(testConfig(config), context);
  opened.push(table);
  return table;
}

describe.each(Object.entries(engines))("a copy between executors on %s", (_name, engine) => {
  test("keeps every value of awkward types, and goes on with full refreshes", async () => {
    let count = 300;
    const mine = await openOver(ours, engine, () => awkward(count));
    const their = await openOver(theirs, engine, () => awkward(count));
    owner.add(their);
    await their.load(assigned("p0"), theirs.signal);
    await their.refresh({ force: true }, theirs.signal);
    expect(await owner.copyInto(mine, learner())).toMatchObject({ version: 2, rows: 300, loaded: true });
    const all = "SELECT CAST(t AS VARCHAR) AS row FROM {t} t ORDER BY id";
    expect(() => mine.pin(key, 1, 2)).toThrow(stale);
    promote(mine, 2);
    expect(mine.columns).toEqual(their.columns);
    expect(mine.columns.map((c) => c.type).join()).toMatch(
      /INTERVAL.*ENUM.*BIT.*INTEGER\[3\].*UNION.*TIMESTAMP_S/,
    );
    const expected = await theirs.query(their, all);
    expect(expected).toHaveLength(300);
    expect(await ours.query(mine, all)).toEqual(expected);
    expect(state(mine)?.statistics).toEqual(state(their)?.statistics);
    expect(() => mine.pin(key, 1, 2)).toThrow(stale);
    count = 40;
    await mine.refresh({}, ours.signal);
    expect(state(mine)).toMatchObject({ epoch: 2, version: 3, rows: 40 });
    expect(await ours.query(mine, all)).toEqual(expected.slice(0, 40));
  });

  test("needs no source: it takes the owner's columns, and evolves when the source is back", async () => {
    let select = awkward(30);
    let down = true;
    const source = () => {
      if (down) throw new Error("the source is down");
      return select;
    };
    await expect(openOver(ours, engine, source)).rejects.toThrow("the source is down");
    const their = await openOver(theirs, engine, () => select);
    owner.add(their);
    await their.load(assigned("p0"), theirs.signal);
    const mine = await openOver(ours, engine, source, their.columns);
    expect(await owner.copyInto(mine, learner())).toMatchObject({ rows: 30, loaded: true });
    promote(mine, 2);
    const all = "SELECT CAST(t AS VARCHAR) AS row FROM {t} t ORDER BY id";
    expect(await ours.query(mine, all)).toEqual(await theirs.query(their, all));
    await expect(mine.refresh({}, ours.signal)).rejects.toThrow("the source is down");
    expect(await ours.query(mine, all)).toHaveLength(30);
    [down, select] = [false, `SELECT *, 1 AS extra FROM (${awkward(7)})`];
    await mine.refresh({}, ours.signal);
    expect(mine.columns.at(-1)).toEqual({ name: "extra", type: "INTEGER" });
    expect(await ours.query(mine, "SELECT sum(extra)::INTEGER AS n FROM {t}")).toEqual([{ n: 7 }]);
  });

  test("goes on appending from the owner's watermark", async () => {
    const config = {
      ...engine,
      refreshMode: "append",
      timeColumn: { name: "at", format: "timestamp" },
    } as const;
    await theirs.parquet("a", rows(100));
    const [mine, their] = await both(config);
    await their.load(assigned("p0"), theirs.signal);
    await theirs.parquet("b", rows(20, 100));
    await their.refresh({}, theirs.signal);
    await owner.copyInto(mine, learner());
    expect(state(mine)).toMatchObject({ version: 2, rows: 60, watermark: "2026-01-01 00:01:58.000000" });
    // A learner changes nothing by itself.
    await theirs.parquet("c", rows(10, 120));
    await mine.refresh({}, ours.signal);
    expect(state(mine)).toMatchObject({ version: 2, rows: 60 });
    promote(mine, 2);
    await mine.refresh({}, ours.signal);
    expect(state(mine)).toMatchObject({ version: 3, rows: 65, watermark: "2026-01-01 00:02:08.000000" });
    expect(await ours.query(mine, summary)).toEqual([{ n: 65, s: 65 * 64 }]);
  });

  test("follows the owner version by version, and asks for nothing that it has", async () => {
    await theirs.parquet("a", rows(100));
    const [mine, their] = await both(engine);
    await their.load(assigned("p0"), theirs.signal);
    await owner.copyInto(mine, learner());
    expect(await owner.copyInto(mine, learner(), 1)).toBeUndefined();
    for (const count of [10, 0, 30]) {
      await theirs.parquet("a", rows(count));
      await their.refresh({}, theirs.signal);
    }
    expect(await owner.copyInto(mine, learner(), 1)).toMatchObject({ version: 4, rows: 15 });
    promote(mine, 2);
    expect(await ours.query(mine, summary)).toEqual([{ n: 15, s: 210 }]);
  });

  test("takes a partition back at once, but not while queries read its former state", async () => {
    await theirs.parquet("a", rows(100));
    const [mine, their] = await both(engine);
    await mine.load(assigned("p0"), ours.signal);
    await theirs.parquet("a", rows(60));
    await mine.refresh({}, ours.signal);
    await their.load(assigned("p0"), theirs.signal);
    const reading = mine.pin(key, 1, 2)!;
    mine.unload([key]);
    const former = summary.replace(
      "{t}",
      () => `(${reading.relations.map((r) => `SELECT * FROM ${r}`).join(" UNION ALL ")})`,
    );
    await expect(owner.copyInto(mine, learner())).rejects.toMatchObject({ name: "PartitionLeavingError" });
    expect(await ours.database.rows(former)).toEqual([{ n: 30, s: 870 }]);
    reading.release();
    expect(await owner.copyInto(mine, learner())).toMatchObject({ version: 1, rows: 30 });
    promote(mine, 2);
    expect(await ours.query(mine, summary)).toEqual([{ n: 30, s: 870 }]);
    expect(() => mine.pin(key, 1, 2)).toThrow(stale);
  });

  test("forgets what storage held of an earlier ownership", async () => {
    await theirs.parquet("a", rows(100));
    const [former, their] = await both(engine);
    await former.load(assigned("p0"), ours.signal);
    for (const force of [true, true]) await former.refresh({ force }, ours.signal);
    await former.settled();
    ours = await ours.reopen();
    await theirs.parquet("a", rows(40));
    await their.load(assigned("p0"), theirs.signal);
    const mine = await ours.open(engine, `file:${theirs.directory}/source`);
    expect(await owner.copyInto(mine, learner())).toMatchObject({ version: 1, rows: 20 });
    promote(mine, 2);
    expect(await ours.query(mine, summary)).toEqual([{ n: 20, s: 380 }]);
  });
});

test("an owner that swaps versions during a copy gives one version, whole, and frees it afterwards", async () => {
  await theirs.parquet("a", rows(400_000));
  const [mine, their] = await both({});
  await their.load(assigned("p0"), theirs.signal);
  const request = { table: "spice.public.events", key, epoch: 1, haveVersion: 0 };
  const parts = owner.parts(request, theirs.signal);
  const first = await parts.next();
  expect(first.value).toMatchObject({
    kind: "header",
    header: { version: 1, rows: 200_000, lastRefreshMs: 5 },
  });
  for (const count of [10, 20]) {
    await theirs.parquet("a", rows(count));
    await their.refresh({}, theirs.signal);
    await theirs.clock.advance(60_000);
  }
  const files: string[] = [];
  for await (const part of parts) {
    if (part.kind !== "frame") throw new Error("There is one header");
    files.push(`${ours.directory}/${files.length}.parquet`);
    await writeFile(files.at(-1)!, part.bytes);
  }
  const header = { version: 1, columns: mine.columns, rows: 200_000, watermark: null, position: null };
  await mine.learn(learner(), { ...header, lastRefreshMs: 0 }, { files }, ours.signal);
  promote(mine, 2);
  const sum = (400_000 / 2 - 1) * (400_000 / 2);
  expect(await ours.query(mine, "SELECT count(*)::INTEGER AS n, sum(id)::BIGINT AS s FROM {t}")).toEqual([
    { n: 200_000, s: String(sum) },
  ]);
  for (let i = 0; i < 5; i++) {
    await theirs.clock.advance(5_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(() => their.pin(key, 1, 1)).toThrow(stale);
});

test("refuses whoever it does not own the partition for", async () => {
  await theirs.parquet("a", rows(100));
  const [mine, their] = await both({});
  await their.load(assigned("p0"), theirs.signal);
  await expect(owner.copyInto(mine, learner(2))).rejects.toEqual(stale);
  their.assign(key, { epoch: 3, role: "learner" });
  await expect(owner.copyInto(mine, learner(3))).rejects.toEqual(stale);
  their.assign(key, { epoch: 4, role: "owner" });
  owner.lease = false;
  await expect(owner.copyInto(mine, learner(4))).rejects.toMatchObject({
    name: "ExecutorUnavailableError",
    message: expect.stringMatching(/no confirmation from a scheduler/),
  });
  owner.lease = true;
  expect(await owner.copyInto(mine, learner(4))).toMatchObject({ version: 1, rows: 50 });
  their.unload([key]);
  await expect(owner.copyInto(mine, learner(4), 1)).rejects.toEqual(stale);
});

test("a copy for an assignment that changed is not committed", async () => {
  await theirs.parquet("a", rows(100));
  const [mine, their] = await both({});
  await their.load(assigned("p0"), theirs.signal);
  const header = { version: 1, columns: mine.columns, rows: 0, watermark: null, position: null };
  const changed = AbortSignal.abort(new Error("the assignment changed"));
  await expect(
    mine.learn(learner(), { ...header, lastRefreshMs: 0 }, { files: [] }, changed),
  ).rejects.toThrow("the assignment changed");
  expect(mine.partitions()).toEqual([]);
});
