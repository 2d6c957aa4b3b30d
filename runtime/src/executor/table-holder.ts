import type { TableReport } from "@spice-shards/proto";
import type { PartitionReport, TableAssignment } from "../core/cluster/membership/messages.ts";
import { type RetryPolicy, retryDelay } from "../core/refresh/retry.ts";
import type { RefreshSchedule } from "../core/refresh/schedule.ts";
import { messageOf } from "../core/text/message-of.ts";
import type { Logger } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Clock } from "../ports/clock.ts";
import type { SqlColumn } from "../ports/database.ts";
import type { Random } from "../ports/random.ts";
import type { CopyMeans, Learners } from "./learn/learners.ts";
import { nextStep } from "./learn/next-step.ts";
import { openLike } from "./learn/open-like.ts";
import { startLearners } from "./learn/start-learners.ts";
import { measureHeld, measureRefresh, summaryOf } from "./measure-table.ts";
import { PartitionReports } from "./partition-reports.ts";
import { type RefreshEvent, RefreshLoop } from "./refresh/loop.ts";
import { underLease } from "./refresh/under-lease.ts";
import type { AcceleratedTable } from "./storage/accelerated-table.ts";
import { freeUnwanted } from "./storage/free-unwanted.ts";
import type { AssignedPartition, RefreshRequest } from "./storage/refresh-types.ts";

/** What a holder uses of a table. */
export type HeldTable = Pick<
  AcceleratedTable,
  | "columns"
  | "partitions"
  | "load"
  | "learn"
  | "refresh"
  | "retain"
  | "assign"
  | "unload"
  | "setRefreshSql"
  | "freeUnwanted"
  | "close"
>;

export interface TableHolderOptions<T extends HeldTable = AcceleratedTable> {
  readonly name: string;
  readonly fullName: string;
  /**
   * Open the dataset's storage and source; tried again while it fails. With `columns`, those of another executor, the
   * source is not asked for them.
   */
  open(signal: AbortSignal, columns?: readonly SqlColumn[]): Promise<T>;
  /** The table is open, or closed again (undefined). */
  opened(table: T | undefined): void;
  readonly schedule: RefreshSchedule;
  readonly retry: RetryPolicy;
  readonly retentionCheckMs?: number;
  /** How partitions are copied from other executors. */
  readonly copies: CopyMeans;
  /** Whether this executor may refresh and write now (it has its lease). */
  mayWrite(): boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  report(report: PartitionReport): void;
  reportTable(report: TableReport): void;
}

/**
 * One accelerated dataset on this executor: brings what it holds to what is assigned, keeps it fresh, and reports.
 * Level-based: whatever happened, the next round compares what is wanted with what is there.
 *
 *     closed ──open──▶ open ──(wanted ≠ held)──▶ loading ──▶ open
 *        ▲ failure: back-off, reported               │ failure: back-off, reported
 *        └──────────────────────────────────────────┘
 */
export class TableHolder<T extends HeldTable = AcceleratedTable> {
  readonly #options: TableHolderOptions<T>;
  readonly #reports: PartitionReports;
  #wanted = new Map<string, AssignedPartition>();
  /** An assignment came: then what it does not name is not for this executor. */
  #assigned = false;
  #table: T | undefined;
  #loop: RefreshLoop | undefined;
  #learners: Learners | undefined;
  #wake = Promise.withResolvers<void>();
  #error = "";
  #refreshing = false;
  #progressRows = 0;

  constructor(options: TableHolderOptions<T>) {
    this.#options = options;
    this.#reports = new PartitionReports({
      fullName: options.fullName,
      partitions: () => this.#table?.partitions() ?? [],
      report: options.report,
    });
  }

  /** Partitions assigned here, and how many of them are loaded. */
  get counts(): { readonly assigned: number; readonly loaded: number } {
    const loaded = this.#table?.partitions().filter((p) => p.loaded && this.#wanted.has(p.key)).length ?? 0;
    return { assigned: this.#wanted.size, loaded };
  }

  /** The state for people. */
  get state() {
    return { ...this.counts, error: this.#error, ...summaryOf(this.partitions()) };
  }

  /** The partitions here, with when each was refreshed last (wall milliseconds) and why the last try failed. */
  partitions() {
    return (this.#table?.partitions() ?? []).map((p) => ({
      ...p,
      lastRefreshMs: this.#reports.refreshedAtMs(p.key),
      error: this.#reports.failure(p.key),
    }));
  }

  /** Wall milliseconds of a partition's last refresh; undefined before the first. */
  refreshedAtMs(key: string): number | undefined {
    return this.#reports.refreshedAtMs(key);
  }

  /** Take over an assignment: the whole share of this executor. */
  hold(assignment: TableAssignment): void {
    this.#assigned = true;
    this.#wanted = new Map(
      assignment.partitions.map(({ key, ...held }) => [
        key,
        { values: JSON.parse(key) as (string | null)[], ...held },
      ]),
    );
    this.#options.metrics
      .gauge("executor_assigned_partitions_count")
      .set({ dataset: this.#options.name }, this.#wanted.size);
    // A learner that becomes owner serves at once, whatever else is being loaded.
    if (this.#table !== undefined) this.#takeOver(this.#table);
    // What cannot be opened waits for time alone, unless an owner has come that may help.
    const copied = assignment.partitions.some(({ from }) => from !== undefined);
    if (this.#table !== undefined || copied) this.#wake.resolve();
  }

  /**
   * Refresh once after `delayMs`, under a request id that is carried out once. How it ends is reported. Throws when it
   * cannot start.
   */
  request(requestId: string, request: RefreshRequest, delayMs = 0): void {
    if (this.#loop === undefined) throw this.#notOpen();
    // The outcome comes as an event.
    this.#loop.request(requestId, request, delayMs).catch(() => undefined);
  }

  /**
   * Read by another `refresh_sql` from the next refresh on; null goes back to the spicepod's. Throws while the dataset
   * is not open.
   */
  setRefreshSql(refreshSql: string | null): void {
    if (this.#table === undefined) throw this.#notOpen();
    this.#table.setRefreshSql(refreshSql);
  }

  #notOpen(): Error {
    return new Error(this.#error === "" ? "the dataset is not open yet" : this.#error);
  }

  /** Hold, load and refresh until the signal aborts; then close the storage. */
  async run(signal: AbortSignal): Promise<void> {
    const stopped = () => this.#wake.resolve();
    signal.addEventListener("abort", stopped, { once: true });
    let rest: Promise<unknown> | undefined;
    try {
      this.#table = await this.#open(signal);
      if (this.#table === undefined) return;
      const table = this.#table;
      this.#options.opened(table);
      this.#loop = new RefreshLoop({
        ...this.#options,
        table: underLease(table, this.#options.mayWrite),
        onEvent: (e) => this.#onEvent(e),
      });
      const { copies, fullName, name, clock, random, log } = this.#options;
      this.#learners = startLearners(table, this.#reports, {
        ...copies,
        table: fullName,
        dataset: name,
        clock,
        random,
        log,
        copied: () => this.#measureHeld(),
      });
      this.#reportTable();
      const wanted = () => (this.#assigned ? this.#wanted : undefined);
      const freeing = freeUnwanted({ ...this.#options, table, dataset: name, wanted }, signal);
      rest = Promise.all([this.#loop.run(signal), freeing]);
      await this.#bringLoop(table, signal);
    } finally {
      signal.removeEventListener("abort", stopped);
      this.#options.opened(undefined);
      const table = this.#table;
      // Assignments that come from now on find nothing to change.
      this.#table = undefined;
      try {
        await this.#learners?.close();
        await rest;
      } finally {
        await table?.close();
      }
    }
  }

  async #open(signal: AbortSignal): Promise<T | undefined> {
    const { open, copies, fullName, clock } = this.#options;
    for (let attempt = 1; !signal.aborted; attempt++) {
      this.#wake = Promise.withResolvers<void>();
      try {
        const table = await openLike(open, { ...copies, clock, table: fullName }, this.#wanted, signal);
        this.#fail("");
        return table;
      } catch (error) {
        if (signal.aborted) return undefined;
        this.#fail(messageOf(error));
        this.#options.log.error(
          { dataset: this.#options.name, cause: messageOf(error) },
          "Dataset could not be opened",
        );
        for (const [key, { epoch }] of this.#wanted) this.#reports.failed(key, epoch, messageOf(error));
        await this.#pause(attempt, signal);
      }
    }
    return undefined;
  }

  async #bringLoop(table: T, signal: AbortSignal): Promise<void> {
    let attempt = 0;
    while (!signal.aborted) {
      this.#wake = Promise.withResolvers<void>();
      const complete = await this.#bring(table, signal);
      if (signal.aborted) return;
      attempt = complete ? 0 : attempt + 1;
      await (complete ? this.#wake.promise : this.#pause(attempt, signal));
    }
  }

  /**
   * What an assignment changes without loading anything: what is no longer wanted goes, roles and epochs change, and
   * copies from owners begin or end.
   */
  #takeOver(table: T): void {
    const wanted = this.#wanted;
    const held = new Map(table.partitions().map((p) => [p.key, p]));
    const copied = new Map<string, AssignedPartition>();
    const leaving = [...held.keys()].filter((key) => !wanted.has(key));
    const promoted: string[] = [];
    for (const [key, partition] of wanted) {
      const state = held.get(key);
      const step = nextStep(state, partition);
      if (step === "renew") leaving.push(key);
      if (partition.role !== "owner" && partition.from !== undefined) copied.set(key, partition);
      if (partition.role === "owner" && state?.role === "learner" && state.loaded) promoted.push(key);
    }
    // First of all, so that no copy for the former assignment is committed under the new one.
    const begun = this.#learners?.follow(copied) ?? [];
    table.unload(leaving);
    for (const key of leaving) this.#learners?.takeAge(key);
    for (const { key, epoch } of begun) this.#reports.loading(key, epoch);
    for (const [key, partition] of wanted) table.assign(key, partition);
    this.#reports.loaded(wanted.keys());
    this.#catchUpWithSource(promoted);
  }

  /** Refresh what became owned here after its owner had stopped answering: that may have had a newer version. */
  #catchUpWithSource(promoted: readonly string[]): void {
    const behind = promoted.filter((key) => (this.#learners?.takeAge(key) ?? 0) > confirmedMs);
    if (behind.length === 0) return;
    const epochs = behind.map((key) => `${key}@${this.#wanted.get(key)?.epoch}`);
    this.request(`promoted ${epochs.join(" ")}`, { partitions: behind });
  }

  /** One round; false when something could not be loaded and another try is due. */
  async #bring(table: T, signal: AbortSignal): Promise<boolean> {
    this.#takeOver(table);
    const wanted = this.#wanted;
    const held = new Map(table.partitions().map((p) => [p.key, p]));
    const missing = [...wanted]
      .filter(([key, partition]) => nextStep(held.get(key), partition) === "load")
      .map(([, partition]) => partition);
    if (missing.length === 0) return true;
    const { log, name } = this.#options;
    for (const { values, epoch } of missing) this.#reports.loading(JSON.stringify(values), epoch);
    try {
      const report = await table.load(missing, signal, (progress) => this.#progress(progress.rows));
      this.#reports.refreshed(report, this.#options.clock.wallMs());
      for (const { key, error } of report.failed) {
        log.error({ dataset: name, cause: messageOf(error) }, "A partition could not be loaded");
        this.#reports.failed(key, wanted.get(key)?.epoch ?? 0, messageOf(error));
      }
      this.#fail(report.failed.length === 0 ? "" : messageOf(report.failed[0]!.error));
      this.#measure(report.rows, report.durationMs);
      log.info(
        {
          dataset: name,
          partitions: report.partitions.length,
          rows: report.rows,
          ms: Math.round(report.durationMs),
        },
        "Loaded partitions",
      );
      return report.failed.length === 0;
    } catch (error) {
      if (signal.aborted) return true;
      log.error({ dataset: name, cause: messageOf(error) }, "Partitions could not be loaded");
      this.#options.metrics.counter("dataset_acceleration_refresh_errors").inc({ dataset: name });
      for (const { values, epoch } of missing)
        this.#reports.failed(JSON.stringify(values), epoch, messageOf(error));
      this.#fail(messageOf(error));
      return false;
    }
  }

  #onEvent(event: RefreshEvent): void {
    const { metrics, name, log } = this.#options;
    switch (event.kind) {
      case "progress":
        this.#refreshing = event.progress.phase !== "done";
        this.#progress(event.progress.rows);
        return;
      case "finished": {
        this.#refreshing = false;
        const { report } = event;
        this.#reports.refreshed(report, this.#options.clock.wallMs());
        this.#measure(report.rows, report.durationMs);
        this.#fail(report.failed.length === 0 ? "" : messageOf(report.failed[0]!.error));
        return;
      }
      case "failed":
        this.#refreshing = false;
        metrics.counter("dataset_acceleration_refresh_errors").inc({ dataset: name });
        if (event.retryInMs !== null) metrics.counter("node_task_retries").inc();
        log.error(
          { dataset: name, cause: messageOf(event.error), retryInMs: event.retryInMs },
          "Refresh failed; the old data stays",
        );
        this.#fail(messageOf(event.error));
        return;
      case "retained":
        log.info({ dataset: name, rows: event.rows }, "Retention deleted rows");
        this.#reports.loaded(this.#wanted.keys());
        return;
      default:
        event satisfies never;
    }
  }

  #measure(rows: number, durationMs: number): void {
    const { metrics, name, clock } = this.#options;
    measureRefresh(metrics, name, { rows, durationMs, atMs: clock.wallMs() });
    this.#measureHeld();
  }

  #measureHeld(): void {
    const { metrics, name } = this.#options;
    measureHeld(metrics, name, this.#table?.partitions() ?? []);
  }

  #fail(error: string): void {
    this.#error = error;
    this.#reportTable();
  }

  #progress(rows: number): void {
    this.#progressRows = rows;
    this.#reportTable();
  }

  #reportTable(): void {
    this.#options.reportTable({
      table: this.#options.fullName,
      columns: (this.#table?.columns ?? []).map(({ name, type }) => ({ name, type, nullable: true })),
      error: this.#error,
      refreshing: this.#refreshing,
      refreshedRows: this.#progressRows,
    });
  }

  async #pause(attempt: number, signal: AbortSignal): Promise<void> {
    const wake = new AbortController();
    void this.#wake.promise.then(() => wake.abort());
    // Woken early or stopped: the caller looks again either way.
    await this.#options.clock
      .sleep(this.#delay(attempt), AbortSignal.any([signal, wake.signal]))
      .catch(() => undefined);
  }

  #delay(attempt: number): number {
    return retryDelay({ enabled: true }, attempt, this.#options.random.next()) ?? 1_000;
  }
}

/** An owner that was asked every second and confirmed no later than this was there until the end. */
const confirmedMs = 5_000;
