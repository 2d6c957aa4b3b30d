import type { TableReport } from "@spice-shards/proto";
import { FairQueue } from "../../src/adapters/exchange/fair-queue.ts";
import type {
  HeldPartition,
  HoldRole,
  PartitionReport,
  TableAssignment,
} from "../../src/core/cluster/membership/messages.ts";
import type { PartitionState } from "../../src/executor/storage/partition-slot.ts";
import type { AssignedPartition, RefreshReport } from "../../src/executor/storage/refresh-types.ts";
import { type HeldTable, TableHolder } from "../../src/executor/table-holder.ts";
import { Log } from "../../src/observe/log.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import type { SqlColumn } from "../../src/ports/database.ts";
import type {
  CopiedVersion,
  PartitionCopier,
  PartitionCopyPart,
  PartitionCopyRequest,
} from "../../src/ports/partition-copy.ts";
import type { SpoolStore } from "../../src/ports/spool.ts";
import { TestClock } from "./test-clock.ts";

/** A table in memory that loads what it is told to, unless a test makes it fail. */
export class FakeTable implements HeldTable {
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
export class FakeOwner implements PartitionCopier {
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

/** A holder of the table `t` that runs until `end`, and what it did. */
export function holderBed(open?: (table: FakeTable, columns?: readonly SqlColumn[]) => Promise<FakeTable>) {
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

/** The share of partitions that this executor owns. */
export const assignment = (epoch: number, ...keys: string[]): TableAssignment => ({
  table: "spice.public.t",
  revision: epoch,
  expressions: ["p"],
  partitions: keys.map((p) => ({ key: JSON.stringify([p]), epoch, role: "owner" as const })),
});
/** Let the holder do what it has to. */
export const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

/** A share as it is given. */
export const share = (revision: number, ...partitions: HeldPartition[]): TableAssignment => ({
  table: "spice.public.t",
  revision,
  expressions: ["p"],
  partitions,
});
/** The key of the partition `a`. */
export const key = '["a"]';
/** States with epoch and version, in the order of their reports. */
export const told = (reports: readonly PartitionReport[]) =>
  reports.map((r) => `${r.state} ${r.epoch}.${r.version}`);
