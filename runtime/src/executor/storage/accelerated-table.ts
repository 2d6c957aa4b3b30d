import { faultPoint } from "../../adapters/system/fault-point.ts";
import type { UnitRecord } from "../../ports/accelerator.ts";
import type { SqlColumn } from "../../ports/database.ts";
import { StalePlanError } from "../../ports/exchange.ts";
import type { CopiedVersion } from "../../ports/partition-copy.ts";
import { acceleratedDataset, type DatasetConfig, partitionKey } from "./dataset-config.ts";
import { type CopiedRows, columnsWithCopy, insertCopy } from "./insert-copy.ts";
import { LeavingSlots } from "./leaving-slots.ts";
import { PartitionSlot, type PartitionState } from "./partition-slot.ts";
import { appendGroups, expiredSql, readInto } from "./read-into.ts";
import { Readers } from "./readers.ts";
import {
  type AssignedPartition,
  bothReports,
  type RefreshProgress,
  type RefreshReport,
  type RefreshRequest,
  type TableContext,
} from "./refresh-types.ts";
import { StoredUnits } from "./stored-units.ts";
import { UnitKeeper } from "./unit-keeper.ts";

/** Versions that nobody reads stay this long: a plan that names them may still be on its way. */
const graceMs = 5_000;

/**
 * One accelerated dataset on this executor: its partitions, how they are loaded and refreshed, and which versions
 * queries see (spec chapter 05, Refresh). Loads and refreshes run one at a time.
 */
export class AcceleratedTable {
  readonly config: DatasetConfig;
  readonly #context: TableContext;
  readonly #slots = new Map<string, PartitionSlot>();
  readonly #leaving = new LeavingSlots(graceMs);
  readonly #readers: Readers;
  /** Partitions that the present load or refresh writes to: their storage must not go yet. */
  #working: readonly PartitionSlot[] = [];
  readonly #stored: StoredUnits;
  readonly #closing = new AbortController();
  #columns: readonly SqlColumn[];
  #queue: Promise<unknown> = Promise.resolve();
  #reaper: Promise<void> | undefined;
  #refreshSql: string | undefined;
  readonly #units: UnitKeeper;

  constructor(
    config: DatasetConfig,
    context: TableContext,
    start: { columns: readonly SqlColumn[]; stored: readonly UnitRecord[] },
  ) {
    this.config = config;
    this.#context = context;
    this.#readers = new Readers(`Dataset ${config.name}`, context.clock);
    this.#columns = start.columns;
    this.#units = new UnitKeeper({
      accelerator: context.accelerator,
      dataset: () => this.#dataset(),
      warn: (message, cause) => {
        if (!this.#closing.signal.aborted) context.warn?.(message, cause);
      },
    });
    this.#stored = new StoredUnits(start.stored, context.accelerator);
  }

  /** The table's columns in order: those of the newest refresh. */
  get columns(): readonly SqlColumn[] {
    return this.#columns;
  }

  /** Every partition that is assigned here. */
  partitions(): readonly PartitionState[] {
    return [...this.#slots.values()].map((slot) => slot.state());
  }

  /**
   * Take over partitions: those that storage holds serve at once (unless `refresh_on_startup: always`), the others
   * are read from the source in one scan. Gives the state of each; those that failed are not loaded.
   */
  async load(
    partitions: readonly AssignedPartition[],
    signal: AbortSignal,
    onProgress?: (progress: RefreshProgress) => void,
  ): Promise<RefreshReport> {
    return this.#serial(async () => {
      const missing: PartitionSlot[] = [];
      const ready: PartitionSlot[] = [];
      for (const partition of partitions) {
        const slot = await this.#slot(partition);
        (slot.loaded ? ready : missing).push(slot);
      }
      const report = await this.#refreshSlots(missing, { mode: "full", force: true }, signal, onProgress);
      return { ...report, partitions: [...ready.map((slot) => slot.state()), ...report.partitions] };
    });
  }

  /** Free what storage held at the opening of partitions that are not `wanted` (keys) here; how many. */
  freeUnwanted(wanted: () => ReadonlyMap<string, unknown>): Promise<number> {
    if (this.#stored.size === 0) return Promise.resolve(0);
    return this.#serial(async () => {
      const freed = await this.#stored.freeUnwanted(wanted, this.#dataset());
      if (freed > 0) await this.#units.record(this.#slots.values());
      return freed;
    });
  }

  /** Take over role and epoch of a partition that is held; what is loaded stays loaded. */
  assign(key: string, { epoch, role }: Pick<AssignedPartition, "epoch" | "role">): void {
    const slot = this.#slots.get(key);
    if (slot === undefined || epoch < slot.epoch) return;
    Object.assign(slot, { epoch, role });
  }

  /**
   * Give partitions up: new plans no longer find them. Plans of the past (same epoch) do for a grace, and running
   * queries read on; then their files are removed.
   */
  unload(keys: readonly string[]): void {
    for (const key of keys) {
      const slot = this.#slots.get(key);
      if (slot === undefined) continue;
      this.#slots.delete(key);
      this.#leaving.add(slot, this.#now());
    }
    this.#startReaper();
  }

  /**
   * Commit a version that was copied from the partition's owner, under the owner's number: what a learner does until
   * it becomes owner. What the partition was here before goes. Throws the signal's reason when aborted before the
   * commit, and {@link PartitionLeavingError} while running queries read what was here before.
   */
  learn(
    partition: AssignedPartition,
    header: CopiedVersion,
    rows: CopiedRows,
    signal: AbortSignal,
  ): Promise<PartitionState> {
    // Not between a refresh's look at the watermark and its commit.
    return this.#serial(async () => {
      signal.throwIfAborted();
      const columns = columnsWithCopy(this.config, this.#columns, header.columns);
      const slot = await this.#learnerSlot(partition, columns);
      this.#working = [slot];
      try {
        const version = await slot.serial(() => insertCopy(slot.table, header, rows, columns, signal));
        this.#columns = columns;
        slot.swap(version, this.#now());
      } finally {
        this.#working = [];
      }
      // Not each copy by itself: a rebalance brings many small ones.
      this.#settle([slot], () => this.#slots.values());
      this.#startReaper();
      return slot.state();
    });
  }

  /** Read the source again. A failure keeps the old data; throws when nothing at all could be refreshed. */
  refresh(
    request: RefreshRequest,
    signal: AbortSignal,
    onProgress?: (progress: RefreshProgress) => void,
  ): Promise<RefreshReport> {
    return this.#serial(async () => {
      const wanted = request.partitions === undefined ? undefined : new Set(request.partitions);
      const slots = this.#owned().filter((slot) => wanted?.has(slot.key) ?? true);
      const mode = request.mode ?? this.config.refreshMode;
      if (mode === "full") return this.#refreshSlots(slots, { ...request, mode }, signal, onProgress);
      // What was never loaded needs everything, whatever the mode.
      const fresh = slots.filter((slot) => !slot.loaded);
      const initial = await this.#refreshSlots(
        fresh,
        { ...request, mode: "full", force: true },
        signal,
        onProgress,
      );
      const rest = slots.filter((slot) => !fresh.includes(slot));
      const appended = await this.#refreshSlots(rest, { ...request, mode }, signal, onProgress);
      return bothReports(initial, appended);
    });
  }

  /** Delete what retention no longer keeps. Gives the number of rows deleted. */
  retain(signal: AbortSignal): Promise<number> {
    return this.#serial(async () => {
      const predicate = expiredSql(this.config, this.#columns, this.#context.clock.wallMs());
      if (predicate === undefined) return 0;
      let deleted = 0;
      for (const slot of this.#owned()) {
        if (!slot.loaded) continue;
        const old = slot.current;
        const next = await slot.serial(() => slot.table.delete(predicate, signal));
        deleted += old.rows - next.rows;
        if (next.version !== old.version) slot.swap(next, this.#now());
      }
      this.#startReaper();
      return deleted;
    });
  }

  /** Read by another `refresh_sql` from now on, until this object ends; null takes back the spicepod's. */
  setRefreshSql(refreshSql: string | null): void {
    this.#refreshSql = refreshSql ?? undefined;
  }

  /** Pin a partition's version for a query; see `PartitionStore.pin`. Undefined when it is not assigned here. */
  pin(key: string, epoch: number, version: number) {
    const held = this.#slots.get(key);
    // A plan that was made before the partition moved away may still be on its way.
    const slot = held?.epoch === epoch ? held : (this.#leaving.find(key, epoch, this.#now()) ?? held);
    if (slot === undefined) return undefined;
    const pinned = slot.pin(epoch, version, () => this.#now());
    const reader = this.#readers.add(pinned.release);
    return { relations: slot.table.scan(pinned.version, this.#columns), ...reader };
  }

  /**
   * Keep the newest version of a partition readable, for an executor that learns it. Throws `StalePlanError` when this
   * executor does not own it at that epoch, or has not loaded it.
   */
  pinNewest(
    key: string,
    epoch: number,
  ): { readonly header: Omit<CopiedVersion, "lastRefreshMs">; release(): void } {
    const slot = this.#slots.get(key);
    if (slot?.role !== "owner") {
      throw new StalePlanError(`Partition ${key} of ${this.config.fullName} is not owned here`);
    }
    const { version, rows, watermark, position } = slot.current;
    const { release } = this.#readers.add(slot.pin(epoch, version, () => this.#now()).release);
    return { header: { version, columns: this.#columns, rows, watermark, position }, release };
  }

  /** Resolves when the storage of everything refreshed so far is in its final form. */
  settled(): Promise<void> {
    return this.#units.settled;
  }

  /** End loads, refreshes and clean-up; new pins are refused. Engine and source go when nobody reads any more. */
  async close(): Promise<void> {
    const unread = this.#readers.close();
    this.#closing.abort(new Error(`Dataset ${this.config.name} is closing`));
    await this.#queue;
    await this.#reaper;
    await unread;
    try {
      await this.#context.source.close();
    } finally {
      await this.#context.accelerator.shutdown?.();
    }
  }

  #serial<T>(work: () => Promise<T>): Promise<T> {
    const guarded = () => {
      this.#closing.signal.throwIfAborted();
      return work();
    };
    const turn = this.#queue.then(guarded, guarded);
    this.#queue = turn.then(
      () => undefined,
      () => undefined, // The caller has the failure.
    );
    return turn;
  }

  async #slot({ values, epoch, role }: AssignedPartition): Promise<PartitionSlot> {
    const key = partitionKey(values);
    const held = this.#slots.get(key);
    if (held !== undefined) {
      this.assign(key, { epoch, role });
      return held;
    }
    const old = await this.#leaving.take(key);
    if (old !== undefined) {
      this.#slots.set(key, old);
      // What it missed while it was away is unknown.
      return Object.assign(old, { epoch, role, loaded: false });
    }
    const table = await this.#context.accelerator.createTable({ dataset: this.#dataset(), values });
    const stored = this.#stored.take(key);
    // Others may have changed the partition since: only its owner goes on with what storage holds.
    const loaded = stored && role === "owner" && this.config.refreshOnStartup === "auto";
    const slot = new PartitionSlot({ values, table, epoch, role, loaded });
    this.#slots.set(key, slot);
    return slot;
  }

  /** The slot that a copy goes into: one that holds copies of the same owner, or an empty one. */
  async #learnerSlot(partition: AssignedPartition, columns: readonly SqlColumn[]): Promise<PartitionSlot> {
    const { values, epoch, role } = partition;
    const key = partitionKey(values);
    const held = this.#slots.get(key);
    if (held !== undefined) return held;
    await this.#leaving.gone(key, this.#now());
    const request = { dataset: acceleratedDataset(this.config, columns), values };
    let table = await this.#context.accelerator.createTable(request);
    if (this.#stored.take(key)) {
      await table.drop();
      table = await this.#context.accelerator.createTable(request);
    }
    const slot = new PartitionSlot({ values, table, epoch, role, loaded: false });
    this.#slots.set(key, slot);
    return slot;
  }

  #owned(): PartitionSlot[] {
    return [...this.#slots.values()].filter((slot) => slot.role === "owner");
  }

  #now(): number {
    return this.#context.clock.monotonicMs();
  }

  #dataset() {
    return acceleratedDataset(this.config, this.#columns);
  }

  async #refreshSlots(
    slots: readonly PartitionSlot[],
    request: RefreshRequest & { mode: "full" | "append" },
    caller: AbortSignal,
    onProgress: ((progress: RefreshProgress) => void) | undefined,
  ): Promise<RefreshReport> {
    const started = this.#now();
    if (slots.length === 0) return { unchanged: true, rows: 0, durationMs: 0, partitions: [], failed: [] };
    const signal = AbortSignal.any([caller, this.#closing.signal]);
    const refreshSql = request.refreshSql ?? this.#refreshSql;
    const groups = request.mode === "full" ? [slots] : appendGroups(this.config, slots);
    let rows = 0;
    let unchanged = true;
    const failed: { key: string; error: unknown }[] = [];
    const tell = (phase: RefreshProgress["phase"], count: number) =>
      onProgress?.({ dataset: this.config.name, phase, rows: count });
    this.#working = slots;
    try {
      for (const group of groups) {
        tell("reading", rows);
        const result = await readInto(
          this.config,
          this.#context,
          this.#columns,
          group,
          refreshSql === undefined ? request : { ...request, refreshSql },
          signal,
          (count) => tell("writing", rows + count),
        );
        if (result === undefined) continue;
        unchanged = false;
        rows += result.rows;
        if (result.written.length > 0) this.#columns = result.columns;
        faultPoint("before-swap");
        for (const { slot, version } of result.written) slot.swap(version, this.#now());
        for (const { slot, error } of result.failed) failed.push({ key: slot.key, error });
        if (result.written.length === 0 && failed.length > 0) throw failed[0]!.error;
      }
    } finally {
      this.#working = [];
      // After a failure too: what older versions have freed is room for the next attempt.
      this.#settle(slots);
    }
    if (!unchanged) {
      await this.#units.record(this.#slots.values());
      this.#startReaper();
    }
    tell("done", rows);
    return {
      unchanged,
      rows,
      durationMs: this.#now() - started,
      partitions: slots.filter((slot) => slot.loaded).map((slot) => slot.state()),
      failed,
    };
  }

  #settle(slots: readonly PartitionSlot[], record?: () => Iterable<PartitionSlot>): void {
    const values = slots.map((slot) => slot.values);
    this.#units.settle(values, (work) => this.#serial(work), record);
  }

  #startReaper(): void {
    this.#reaper ??= this.#reap().finally(() => {
      this.#reaper = undefined;
    });
  }

  /** Runs while there are old versions; ends by itself or when the table closes. */
  async #reap(): Promise<void> {
    const signal = this.#closing.signal;
    while (!signal.aborted) {
      const busy = [...this.#slots.values()].some((slot) => slot.hasRetired);
      if (!busy && this.#leaving.size === 0) return;
      try {
        await this.#context.clock.sleep(graceMs / 2, signal);
        const now = this.#now();
        for (const slot of this.#slots.values()) await slot.reap(now, graceMs);
        await this.#leaving.reap(now, this.#working);
      } catch (error) {
        if (signal.aborted) return;
        this.#context.warn?.(`Old versions of ${this.config.name} could not be removed yet`, error);
      }
    }
  }
}
