import { expect, test } from "@jest/globals";
import type { TableReport } from "@spice-shards/proto";
import { TestClock } from "../../test/support/test-clock.ts";
import { FairQueue } from "../adapters/exchange/fair-queue.ts";
import type { HeldPartition, HoldRole, PartitionReport, TableAssignment } from "../core/cluster/messages.ts";
import { Log } from "../observe/log.ts";
import { Metrics } from "../observe/metrics.ts";
import type { SqlColumn } from "../ports/database.ts";
import { ExecutorUnavailableError, StalePlanError } from "../ports/exchange.ts";
import type {
  CopiedVersion,
  PartitionCopier,
  PartitionCopyPart,
  PartitionCopyRequest,
} from "../ports/partition-copy.ts";
import type { SpoolStore } from "../ports/spool.ts";
import type { PartitionState } from "./storage/partition-slot.ts";
import type { AssignedPartition, RefreshReport } from "./storage/refresh-types.ts";
import { type HeldTable, TableHolder } from "./table-holder.ts";

/** A table in memory that loads what it is told to, unless a test makes it fail. */
class FakeTable implements HeldTable {
  readonly columns = [{ name: "id", type: "BIGINT" }];
  readonly held = new Map<string, { epoch: number; role: HoldRole; version: number; loaded: boolean }>();
  readonly loads: string[][] = [];
  readonly failing = new Map<string, Error>();
  readonly wanted: string[][] = [];
  refreshSql: string | null | undefined;
  closed = 0;

  partitions() {
    return [...this.held].map(([key, slot]) => ({
      key,
      values: JSON.parse(key) as (string | null)[],
      rows: 10,
      bytes: 100,
      watermark: null,
      statistics: {},
      ...slot,
    }));
  }

  async load(wanted: readonly AssignedPartition[]): Promise<RefreshReport> {
    const keys = wanted.map(({ values }) => JSON.stringify(values));
    this.loads.push(keys);
    for (const { values, epoch, role } of wanted) {
      const key = JSON.stringify(values);
      this.held.set(key, { epoch, role, version: 1, loaded: !this.failing.has(key) });
    }
    return this.#report(keys);
  }

  async refresh(): Promise<RefreshReport> {
    const keys = [...this.held.keys()];
    for (const key of keys) {
      const slot = this.held.get(key)!;
      if (!this.failing.has(key)) this.held.set(key, { ...slot, version: slot.version + 1 });
    }
    return this.#report(keys);
  }

  #report(keys: readonly string[]): RefreshReport {
    const failed = keys.flatMap((key) => {
      const error = this.failing.get(key);
      return error === undefined ? [] : [{ key, error }];
    });
    const partitions = this.partitions().filter((p) => keys.includes(p.key) && p.loaded);
    return { unchanged: false, rows: 10 * keys.length, durationMs: 1, partitions, failed };
  }

  async retain(): Promise<number> {
    return 0;
  }

  async learn(partition: AssignedPartition, header: CopiedVersion): Promise<PartitionState> {
    const { values, epoch, role } = partition;
    const key = JSON.stringify(values);
    this.held.set(key, { epoch, role, version: header.version, loaded: true });
    return this.partitions().find((p) => p.key === key)!;
  }

  assign(key: string, { epoch, role }: { epoch: number; role: HoldRole }): void {
    const slot = this.held.get(key);
    if (slot !== undefined) this.held.set(key, { ...slot, epoch, role });
  }

  unload(keys: readonly string[]): void {
    for (const key of keys) this.held.delete(key);
  }

  async freeUnwanted(wanted: () => ReadonlyMap<string, unknown>): Promise<number> {
    this.wanted.push([...wanted().keys()]);
    return 0;
  }

  setRefreshSql(sql: string | null): void {
    this.refreshSql = sql;
  }

  async close(): Promise<void> {
    this.closed += 1;
  }
}

/** Another executor, which owns what is copied here. */
class FakeOwner implements PartitionCopier {
  version = 7;
  error: Error | undefined;
  readonly asked: { executor: string; request: PartitionCopyRequest }[] = [];

  async *copy(executor: string, request: PartitionCopyRequest): AsyncGenerator<PartitionCopyPart, void> {
    this.asked.push({ executor, request });
    if (this.error !== undefined) throw this.error;
    const { columns } = new FakeTable();
    const more = { columns, rows: 0, watermark: null, position: null, lastRefreshMs: 5 };
    yield { kind: "header", header: { version: this.version, ...more } };
  }
}

const spools: SpoolStore = {
  async open() {
    return {
      bytes: 0,
      write: async () => "frame",
      remove: async () => undefined,
      close: async () => undefined,
    };
  },
};

function bed(open?: (table: FakeTable, columns?: readonly SqlColumn[]) => Promise<FakeTable>) {
  const table = new FakeTable();
  const clock = new TestClock();
  const reports: PartitionReport[] = [];
  const tables: TableReport[] = [];
  const served: boolean[] = [];
  const lease = { held: true };
  const owner = new FakeOwner();
  const holder = new TableHolder({
    name: "t",
    fullName: "spice.public.t",
    open: open === undefined ? async () => table : (_signal, columns) => open(table, columns),
    opened: (opened) => served.push(opened !== undefined),
    schedule: { jitterMs: 0 },
    retry: { enabled: true },
    copies: { copier: owner, spools, queue: new FairQueue({ concurrent: 2, waiting: 100 }) },
    mayWrite: () => lease.held,
    clock,
    random: { next: () => 0.5, uuid: () => "u" },
    log: new Log({ levels: { base: "silent", modules: new Map() } }).module("executor"),
    metrics: new Metrics({ role: "executor", nodeId: "e" }),
    report: (report) => reports.push(report),
    reportTable: (report) => tables.push(report),
  });
  const stop = new AbortController();
  const running = holder.run(stop.signal);
  const end = async () => {
    stop.abort(new Error("the test is over"));
    await running;
  };
  return { holder, table, clock, reports, tables, served, lease, owner, end };
}

const assignment = (epoch: number, ...keys: string[]): TableAssignment => ({
  table: "spice.public.t",
  revision: epoch,
  expressions: ["p"],
  partitions: keys.map((p) => ({ key: JSON.stringify([p]), epoch, role: "owner" as const })),
});
const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

test("brings what it holds to what is assigned, and closes in the end", async () => {
  const { holder, table, reports, served, end } = bed();
  holder.hold(assignment(5, "a", "b"));
  await settle();
  expect(holder.counts).toEqual({ assigned: 2, loaded: 2 });
  expect(reports.map((r) => `${r.key} ${r.state} ${r.epoch}`)).toEqual([
    '["a"] loading 5',
    '["b"] loading 5',
    '["a"] loaded 5',
    '["b"] loaded 5',
  ]);
  reports.length = 0;
  holder.hold(assignment(6, "b", "c"));
  await settle();
  expect([...table.held.keys()]).toEqual(['["b"]', '["c"]']);
  // What stayed only has a new epoch: nothing is read again.
  expect(table.loads).toEqual([['["a"]', '["b"]'], ['["c"]']]);
  expect(reports[0]).toMatchObject({ key: '["b"]', state: "loaded", epoch: 6 });
  await end();
  expect([table.closed, served]).toEqual([1, [true, false]]);
});

test("tries again what could not be loaded, and tells why", async () => {
  const { holder, table, clock, reports, tables, end } = bed();
  table.failing.set('["a"]', new Error("the source is down"));
  holder.hold(assignment(5, "a", "b"));
  await settle();
  expect(reports.at(-1)).toMatchObject({ key: '["a"]', state: "failed", error: "the source is down" });
  expect(tables.at(-1)?.error).toBe("the source is down");
  table.failing.clear();
  await clock.advance(1_000);
  await settle();
  expect(table.loads.at(-1)).toEqual(['["a"]']);
  expect(reports.at(-1)).toMatchObject({ key: '["a"]', state: "loaded", version: 1 });
  expect(tables.at(-1)?.error).toBe("");
  await end();
});

test("a partition whose refresh failed serves on and carries the reason", async () => {
  const { holder, table, clock, reports, end } = bed();
  holder.hold(assignment(5, "a", "b"));
  await settle();
  const before = clock.wallMs();
  await clock.advance(60_000);
  table.failing.set('["a"]', new Error("bad row"));
  reports.length = 0;
  holder.request("r1", {});
  await settle();
  expect(reports).toMatchObject([
    { key: '["a"]', state: "loaded", version: 1, error: "bad row", lastRefreshMs: before },
    { key: '["b"]', state: "loaded", version: 2, lastRefreshMs: before + 60_000 },
  ]);
  // The same request again, from another scheduler, is the same refresh.
  holder.request("r1", {});
  await settle();
  expect(table.held.get('["b"]')?.version).toBe(2);
  holder.request("r2", {}, 500);
  await settle();
  expect(table.held.get('["b"]')?.version).toBe(2);
  await clock.advance(500);
  await settle();
  expect(table.held.get('["b"]')?.version).toBe(3);
  await end();
});

test("opens again after a pause, refuses commands until then, and ends while it waits", async () => {
  let attempts = 0;
  const { holder, clock, tables, table, end } = bed(async (fake) => {
    attempts += 1;
    if (attempts < 3) throw new Error("no such bucket");
    return fake;
  });
  await settle();
  expect(() => holder.request("r", {})).toThrow("no such bucket");
  expect(() => holder.setRefreshSql("SELECT 1")).toThrow("no such bucket");
  // An assignment does not cut the pause short.
  holder.hold(assignment(5, "a"));
  await settle();
  expect(attempts).toBe(1);
  await clock.advance(2_000);
  await settle();
  expect(attempts).toBe(3);
  holder.setRefreshSql(null);
  expect([table.refreshSql, tables.at(-1)?.error]).toEqual([null, ""]);
  await end();

  const never = bed(() => Promise.reject(new Error("down")));
  await settle();
  await never.end();
  expect([never.clock.sleeping, never.table.closed]).toEqual([0, 0]);
});

const share = (revision: number, ...partitions: HeldPartition[]): TableAssignment => ({
  table: "spice.public.t",
  revision,
  expressions: ["p"],
  partitions,
});
const key = '["a"]';
const told = (reports: readonly PartitionReport[]) =>
  reports.map((r) => `${r.state} ${r.epoch}.${r.version}`);

test("a learner copies from the owner, follows it, and becomes owner without loading anything", async () => {
  const { holder, table, clock, owner, reports, end } = bed();
  holder.hold(share(1, { key, epoch: 4, role: "learner", from: "e1:50052" }));
  await settle();
  expect(told(reports)).toEqual(["loading 4.0", "loaded 4.7"]);
  expect(owner.asked).toEqual([
    { executor: "e1:50052", request: { table: "spice.public.t", key, epoch: 4, haveVersion: 0 } },
  ]);
  await clock.advance(1_000);
  await settle();
  owner.version = 8;
  await clock.advance(1_000);
  await settle();
  expect(owner.asked.map(({ request }) => request.haveVersion)).toEqual([0, 7, 7]);
  expect(told(reports)).toEqual(["loading 4.0", "loaded 4.7", "loaded 4.8"]);
  holder.hold(share(2, { key, epoch: 5, role: "owner" }));
  // At once: not after whatever else is being loaded.
  expect(told(reports).at(-1)).toBe("loaded 5.8");
  expect(table.held.get(key)).toMatchObject({ role: "owner", epoch: 5 });
  await settle();
  await clock.advance(10_000);
  await settle();
  // Neither asked any more, nor read from the source, nor refreshed: the copy was the newest to the end.
  expect([owner.asked.length, table.loads, table.held.get(key)?.version]).toEqual([3, [], 8]);
  await end();
});

test("a learner waits for an owner that is away, and refreshes once when it inherits from one", async () => {
  const { holder, table, clock, owner, reports, end } = bed();
  owner.error = new ExecutorUnavailableError("e1:50052", "gone");
  holder.hold(share(1, { key, epoch: 4, role: "learner", from: "e1:50052" }));
  await settle();
  for (let i = 0; i < 20; i++) await clock.advance(1_000);
  // Fibonacci from half a second: 0.5, 0.5, 1, 1.5, 2.5, 4, 6.5, ….
  expect(owner.asked).toHaveLength(8);
  expect(told(reports)).toEqual(["loading 4.0"]);
  owner.error = undefined;
  await clock.advance(10_000);
  await settle();
  expect(told(reports)).toEqual(["loading 4.0", "loaded 4.7"]);
  owner.error = new ExecutorUnavailableError("e1:50052", "gone");
  for (let i = 0; i < 10; i++) await clock.advance(1_000);
  holder.hold(share(2, { key, epoch: 5, role: "owner" }));
  await settle();
  // The owner may have had a newer version: the source has it too.
  expect([table.loads, table.held.get(key)?.version]).toEqual([[], 8]);
  await end();
});

test("a learner tells why it cannot take the copy, and goes on trying", async () => {
  const { holder, clock, owner, reports, end } = bed();
  owner.error = new Error("the columns differ");
  holder.hold(share(1, { key, epoch: 4, role: "learner", from: "e1:50052" }));
  await settle();
  expect(reports.at(-1)).toMatchObject({ state: "failed", epoch: 4, error: "the columns differ" });
  owner.error = undefined;
  await clock.advance(1_000);
  await settle();
  expect(reports.at(-1)).toMatchObject({ state: "loaded", epoch: 4, version: 7 });
  expect(reports.at(-1)?.error).toBeUndefined();
  await end();
});

test("a learner without an owner loads from the source; one with another owner copies anew", async () => {
  const { holder, table, owner, reports, end } = bed();
  holder.hold(share(1, { key, epoch: 4, role: "learner" }));
  await settle();
  expect([table.loads, owner.asked, told(reports)]).toEqual([[[key]], [], ["loading 4.0", "loaded 4.1"]]);
  holder.hold(share(2, { key, epoch: 5, role: "learner", from: "e2:50052" }));
  await settle();
  expect(told(reports)).toEqual(["loading 4.0", "loaded 4.1", "loading 5.0", "loaded 5.7"]);
  expect(owner.asked.map(({ request }) => request.haveVersion)).toEqual([0]);
  // Its owner is lost: what it has is the best there is.
  holder.hold(share(3, { key, epoch: 6, role: "learner" }));
  await settle();
  expect([table.loads.length, told(reports).at(-1)]).toEqual([1, "loaded 6.7"]);
  await end();
});

test("refreshes nothing without the lease", async () => {
  const { holder, table, tables, lease, end } = bed();
  holder.hold(assignment(5, "a"));
  await settle();
  lease.held = false;
  holder.request("r1", {});
  await settle();
  expect(table.held.get(key)?.version).toBe(1);
  expect(tables.at(-1)?.error).toMatch(/no scheduler confirms that this executor still owns/);
  lease.held = true;
  holder.request("r2", {});
  await settle();
  expect([table.held.get(key)?.version, tables.at(-1)?.error]).toEqual([2, ""]);
  await end();
});

test("what an owner has can be learned while the source is down: its columns come from there", async () => {
  const opened: (readonly SqlColumn[] | undefined)[] = [];
  const { holder, clock, owner, reports, tables, served, end } = bed(async (table, columns) => {
    opened.push(columns);
    if (columns === undefined) throw new Error("the source is down");
    return table;
  });
  await settle();
  expect([opened, owner.asked, tables.at(-1)?.error]).toEqual([[undefined], [], "the source is down"]);
  // The owner has not heard of the assignment yet.
  owner.error = new StalePlanError("not owned here");
  holder.hold(share(1, { key, epoch: 4, role: "learner", from: "e1:50052" }));
  await settle();
  expect(served).toEqual([]);
  owner.error = undefined;
  await clock.advance(500);
  await settle();
  expect(opened.at(-1)).toEqual([{ name: "id", type: "BIGINT" }]);
  expect(owner.asked.every(({ executor, request }) => executor === "e1:50052" && request.epoch === 4)).toBe(
    true,
  );
  expect([told(reports), tables.at(-1)?.error]).toEqual([["loading 4.0", "loaded 4.7"], ""]);
  await end();
});

test("what has no owner needs the source: its failure is told, and it is tried again", async () => {
  let down = true;
  const { holder, clock, owner, reports, end } = bed(async (table) => {
    if (down) throw new Error("the source is down");
    return table;
  });
  holder.hold(share(1, { key, epoch: 4, role: "learner" }));
  await settle();
  expect([owner.asked, reports.at(-1)]).toMatchObject([[], { state: "failed", error: "the source is down" }]);
  down = false;
  await clock.advance(10_000);
  await settle();
  expect(told(reports).at(-1)).toBe("loaded 4.1");
  await end();
});

test("frees what others own now only with the lease, and once it knows what it holds", async () => {
  const { holder, table, clock, lease, end } = bed();
  await clock.advance(60_000);
  expect(table.wanted).toEqual([]);
  lease.held = false;
  holder.hold(assignment(5, "a"));
  await clock.advance(5_000);
  expect(table.wanted).toEqual([]);
  lease.held = true;
  await clock.advance(5_000);
  expect(table.wanted).toEqual([[key]]);
  await end();
});
