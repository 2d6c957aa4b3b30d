import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { assigned, openBed, type TableBed } from "../../../test/support/table-bed.ts";
import { LocalFragmentRunner } from "../../adapters/exchange/fragment-runner.ts";
import { readAll } from "../../adapters/exchange/testing/executor.ts";
import type { FragmentRequest } from "../../ports/exchange.ts";
import type { AcceleratedTable } from "./accelerated-table.ts";
import type { DatasetConfig } from "./dataset-config.ts";
import { ExecutorPartitionStore } from "./partition-store.ts";

const engines: Record<string, Partial<DatasetConfig>> = {
  arrow: {},
  "duckdb in memory": { engine: "duckdb", partitionBy: [], unitPath: () => "" },
  "duckdb files": { engine: "duckdb", mode: "file" },
  "duckdb tables": { engine: "duckdb", mode: "file", parameters: { partition_mode: "tables" } },
};
const rows = (count: number) =>
  `SELECT range::BIGINT AS id, 'p' || range % 3 AS part, TIMESTAMP '2026-01-01' AS at FROM range(${count})`;
const summary = "SELECT count(*)::INTEGER AS n FROM {t}";

let bed: TableBed;
beforeEach(async () => {
  bed = await openBed();
  await bed.parquet("a", rows(300));
});
afterEach(() => bed.close());

/** Tables and catalogues of datasets that the engine has. */
async function left(): Promise<string[]> {
  const found = await bed.database.rows(
    `SELECT database_name || '.' || table_name AS name FROM duckdb_tables()
     UNION ALL SELECT database_name FROM duckdb_databases()
     WHERE NOT internal AND database_name NOT IN ('memory', 'spice_memory', 'spice_stage')`,
  );
  return found.map(({ name }) => String(name));
}

describe.each(Object.entries(engines))("a table that starts anew on %s", (_name, engine) => {
  const partitions = () =>
    engine.partitionBy === undefined
      ? assigned("p0", "p1", "p2")
      : [{ values: [], epoch: 1, role: "owner" as const }];

  async function loaded(): Promise<AcceleratedTable> {
    const table = await bed.open(engine);
    await table.load(partitions(), bed.signal);
    return table;
  }

  test("meets nothing of its past, whatever that was doing, and leaves nothing", async () => {
    for (let turn = 0; turn < 4; turn++) {
      const table = await loaded();
      for (let i = 0; i < turn; i++) await table.refresh({ force: true }, bed.signal);
      expect(await bed.query(table, summary)).toEqual([{ n: 300 }]);
      const refresh = table.refresh({ force: true }, bed.signal).then(
        () => undefined,
        (error: Error) => error.message,
      );
      // Somewhere in the middle, elsewhere each time.
      for (let i = 0; i < turn * 5; i++) await setImmediate();
      await table.close();
      expect([undefined, "Dataset events is closing"]).toContain(await refresh);
      expect(await left()).toEqual([]);
    }
  });

  test("keeps what is pinned until it is released, and refuses new pins meanwhile", async () => {
    const table = await loaded();
    const store = new ExecutorPartitionStore();
    store.add(table);
    const [{ key, epoch, version } = { key: "", epoch: 0, version: 0 }] = table.partitions();
    const pinned = store.pin("spice.public.events", [{ key, epoch, version }]);
    await table.refresh({ force: true }, bed.signal);
    const newest = store.pinNewest("spice.public.events", key, epoch);
    let closed = false;
    const closing = table.close().then(() => {
      closed = true;
    });
    expect(() => table.pin(key, epoch, version)).toThrow("The table is closing here");
    expect(() => table.pinNewest(key, epoch)).toThrow(expect.objectContaining({ name: "StalePlanError" }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    newest.release();
    newest.release();
    const read = `SELECT count(*)::INTEGER AS n FROM ${pinned.relations[0]}`;
    expect(await bed.database.rows(read)).toEqual([{ n: engine.partitionBy === undefined ? 100 : 300 }]);
    expect(closed).toBe(false);
    pinned.release();
    await closing;
    expect(await left()).toEqual([]);
    expect(await bed.query(await loaded(), summary)).toEqual([{ n: 300 }]);
  });

  test("ends readers that take longer than a minute, with a reason", async () => {
    const table = await loaded();
    const store = new ExecutorPartitionStore();
    store.add(table);
    const runner = await LocalFragmentRunner.open({
      database: bed.database,
      partitions: store,
      directory: `${bed.directory}/frames`,
      clock: bed.clock,
    });
    const { frames, stats } = runner.run(fragment(table, 0), bed.signal);
    const reader = frames[Symbol.asyncIterator]();
    expect((await reader.next()).done).toBe(false);
    let closed = false;
    const closing = table.close().then(() => {
      closed = true;
    });
    await bed.clock.advance(59_000);
    await setImmediate();
    expect(closed).toBe(false);
    await bed.clock.advance(1_000);
    await closing;
    const reason = {
      name: "ResourceExhaustedError",
      message:
        "Dataset events starts anew or ends here, and this query did not end within 60 s from then on; ask again",
    };
    await expect(reader.next()).rejects.toMatchObject(reason);
    await expect(stats).rejects.toMatchObject(reason);
    expect(await left()).toEqual([]);
    await runner.close();
  });

  test("gives fragments that race with it their rows or a stale plan", async () => {
    const store = new ExecutorPartitionStore();
    const runner = await LocalFragmentRunner.open({
      database: bed.database,
      partitions: store,
      directory: `${bed.directory}/frames`,
      clock: bed.clock,
    });
    let table = await loaded();
    store.add(table);
    const outcomes = new Map<string, number>();
    let [over, turn] = [false, 0];
    const query = async () => {
      while (!over) {
        const request = fragment(table, turn++);
        const outcome = await readAll(runner.run(request, bed.signal)).then(
          (frames) => (frames.length > 0 ? "rows" : "nothing"),
          (error: Error) => error.name,
        );
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        await setImmediate();
      }
    };
    const queries = [query(), query(), query()];
    try {
      for (let i = 0; i < 6; i++) {
        await new Promise((resolve) => setTimeout(resolve, 40));
        store.remove("spice.public.events");
        await table.close();
        table = await loaded();
        store.add(table);
      }
    } finally {
      over = true;
      await Promise.all(queries);
      await runner.close();
    }
    expect([...outcomes.keys()].sort()).toEqual(["StalePlanError", "rows"]);
  });
});

/** A fragment in one of the ways in which results are written. */
function fragment(table: AcceleratedTable, turn: number): FragmentRequest {
  const counts = turn % 3 > 0;
  return {
    protocol: 1,
    queryId: `query ${turn}`,
    fragmentId: "fragment",
    sql: counts ? "SELECT count(*) AS n, sum(id) AS s FROM t" : "SELECT id, id AS i2 FROM t",
    scans: [{ name: "t", table: "spice.public.events", revision: 1, partitions: table.partitions() }],
    columns: counts
      ? [
          { name: "n", type: "BIGINT" },
          { name: "s", type: "HUGEINT" },
        ]
      : [
          { name: "id", type: "BIGINT" },
          { name: "i2", type: "BIGINT" },
        ],
    deadlineMs: 60_000,
    trace: "",
    ...(turn % 3 === 2 ? { inlineRows: 10 } : {}),
  };
}
