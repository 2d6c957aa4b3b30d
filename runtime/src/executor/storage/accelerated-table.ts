import { faultPoint } from "../../adapters/system/fault-point.ts";
import { retentionSql } from "../../core/refresh/retention.ts";
import type { PartitionValues, UnitRecord } from "../../ports/accelerator.ts";
import type { SqlColumn } from "../../ports/database.ts";
import { acceleratedDataset, type DatasetConfig, partitionKey } from "./dataset-config.ts";
import { PartitionSlot, type PartitionState } from "./partition-slot.ts";
import { readInto, timeColumn } from "./read-into.ts";
import type {
  AssignedPartition,
  RefreshProgress,
  RefreshReport,
  RefreshRequest,
  TableContext,
} from "./refresh-types.ts";

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
  readonly #leaving = new Set<PartitionSlot>();
  readonly #stored: Map<string, UnitRecord>;
  readonly #closing = new AbortController();
  #columns: readonly SqlColumn[];
  #queue: Promise<unknown> = Promise.resolve();
  #reaper: Promise<void> | undefined;
  #refreshSql: string | undefined;
  #settling: Promise<void> = Promise.resolve();

  constructor(
    config: DatasetConfig,
    context: TableContext,
    start: { columns: readonly SqlColumn[]; stored: readonly UnitRecord[] },
  ) {
    this.config = config;
    this.#context = context;
    this.#columns = start.columns;
    this.#stored = new Map(start.stored.map((unit) => [partitionKey(unit.values), unit]));
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
      for (const { values, epoch } of partitions) {
        const slot = await this.#slot(values, epoch);
        (slot.loaded ? ready : missing).push(slot);
      }
      const report = await this.#refreshSlots(missing, { mode: "full", force: true }, signal, onProgress);
      return { ...report, partitions: [...ready.map((slot) => slot.state()), ...report.partitions] };
    });
  }

  /** Note that the owner of a partition changed its epoch without moving it. */
  setEpoch(key: string, epoch: number): void {
    const slot = this.#slots.get(key);
    if (slot !== undefined && epoch > slot.epoch) slot.epoch = epoch;
  }

  /** Give partitions up: new queries no longer find them, running ones read on; then their files are removed. */
  unload(keys: readonly string[]): void {
    for (const key of keys) {
      const slot = this.#slots.get(key);
      if (slot === undefined) continue;
      this.#slots.delete(key);
      this.#leaving.add(slot);
    }
    this.#startReaper();
  }

  /** Read the source again. A failure keeps the old data; throws when nothing at all could be refreshed. */
  refresh(
    request: RefreshRequest,
    signal: AbortSignal,
    onProgress?: (progress: RefreshProgress) => void,
  ): Promise<RefreshReport> {
    return this.#serial(async () => {
      const wanted = request.partitions === undefined ? undefined : new Set(request.partitions);
      const slots = [...this.#slots.values()].filter((slot) => wanted?.has(slot.key) ?? true);
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
      return {
        unchanged: initial.unchanged && appended.unchanged,
        rows: initial.rows + appended.rows,
        durationMs: initial.durationMs + appended.durationMs,
        partitions: [...initial.partitions, ...appended.partitions],
        failed: [...initial.failed, ...appended.failed],
      };
    });
  }

  /** Delete what retention no longer keeps. Gives the number of rows deleted. */
  retain(signal: AbortSignal): Promise<number> {
    return this.#serial(async () => {
      const rule = this.config.retention;
      const predicate =
        rule === undefined
          ? undefined
          : retentionSql(
              rule,
              timeColumn(this.config, this.config.timeColumn, this.#columns),
              this.#context.clock.wallMs(),
            );
      if (predicate === undefined) return 0;
      let deleted = 0;
      for (const slot of this.#slots.values()) {
        if (!slot.loaded) continue;
        const old = slot.current;
        const next = await slot.serial(() => slot.table.delete(predicate, signal));
        deleted += old.rows - next.rows;
        if (next.version !== old.version) slot.swap(next, this.#context.clock.monotonicMs());
      }
      this.#startReaper();
      return deleted;
    });
  }

  /** Read by another `refresh_sql` from now on, until this object ends; null goes back to the spicepod's. */
  setRefreshSql(refreshSql: string | null): void {
    this.#refreshSql = refreshSql ?? undefined;
  }

  /** Pin a partition's version for a query; see `PartitionStore.pin`. Undefined when it is not assigned here. */
  pin(key: string, epoch: number, version: number) {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    const pinned = slot.pin(epoch, version, () => this.#context.clock.monotonicMs());
    return { relations: slot.table.scan(pinned.version, this.#columns), release: pinned.release };
  }

  /** Resolves when the storage of everything refreshed so far is in its final form. */
  settled(): Promise<void> {
    return this.#settling;
  }

  /** End loads, refreshes and clean-up, and let the engine and the source go. */
  async close(): Promise<void> {
    this.#closing.abort(new Error(`Dataset ${this.config.name} is closing`));
    await this.#queue;
    await this.#reaper;
    await this.#context.source.close();
    await this.#context.accelerator.shutdown?.();
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

  async #slot(values: PartitionValues, epoch: number): Promise<PartitionSlot> {
    const key = partitionKey(values);
    const held = this.#slots.get(key);
    if (held !== undefined) {
      held.epoch = Math.max(held.epoch, epoch);
      return held;
    }
    for (const old of this.#leaving) {
      if (old.key !== key) continue;
      this.#leaving.delete(old);
      this.#slots.set(key, old);
      old.epoch = epoch;
      // What it missed while it was away is unknown.
      old.loaded = false;
      return old;
    }
    const table = await this.#context.accelerator.createTable({ dataset: this.#dataset(), values });
    const stored = this.#stored.get(key);
    this.#stored.delete(key);
    const loaded = stored !== undefined && this.config.refreshOnStartup === "auto";
    const slot = new PartitionSlot({ values, table, epoch, loaded });
    this.#slots.set(key, slot);
    return slot;
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
    const started = this.#context.clock.monotonicMs();
    if (slots.length === 0) return { unchanged: true, rows: 0, durationMs: 0, partitions: [], failed: [] };
    const signal = AbortSignal.any([caller, this.#closing.signal]);
    const refreshSql = request.refreshSql ?? this.#refreshSql;
    const groups = request.mode === "full" ? [slots] : this.#appendGroups(slots);
    let rows = 0;
    let unchanged = true;
    const failed: { key: string; error: unknown }[] = [];
    const tell = (phase: RefreshProgress["phase"], count: number) =>
      onProgress?.({ dataset: this.config.name, phase, rows: count });
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
      const now = this.#context.clock.monotonicMs();
      for (const { slot, version } of result.written) slot.swap(version, now);
      for (const { slot, error } of result.failed) failed.push({ key: slot.key, error });
      if (result.written.length === 0 && failed.length > 0) throw failed[0]!.error;
    }
    if (!unchanged) {
      await this.#record();
      this.#settle(slots.map((slot) => slot.values));
      this.#startReaper();
    }
    tell("done", rows);
    return {
      unchanged,
      rows,
      durationMs: this.#context.clock.monotonicMs() - started,
      partitions: slots.filter((slot) => slot.loaded).map((slot) => slot.state()),
      failed,
    };
  }

  /** Partitions that read the source from the same place: one scan for each group. */
  #appendGroups(slots: readonly PartitionSlot[]): readonly (readonly PartitionSlot[])[] {
    if (this.config.timeColumn !== undefined) return [slots];
    const groups = new Map<string, PartitionSlot[]>();
    for (const slot of slots) {
      const position = slot.current.position ?? "";
      groups.set(position, [...(groups.get(position) ?? []), slot]);
    }
    return [...groups.values()];
  }

  async #record(): Promise<void> {
    const units = [...this.#slots.values()]
      .filter((slot) => slot.loaded)
      .map((slot) => ({ values: slot.values, version: slot.current }));
    try {
      await this.#context.accelerator.recordUnits?.(this.#dataset(), units);
    } catch (error) {
      // The list saves work at the next start; the partitions themselves are committed.
      this.#context.warn?.(`The list of partitions of ${this.config.name} could not be written`, error);
    }
  }

  /** Checkpoints wait until the new versions serve; the next refresh waits for them. */
  #settle(units: readonly PartitionValues[]): void {
    const { accelerator, warn } = this.#context;
    if (accelerator.settle === undefined) return;
    const settle = accelerator.settle.bind(accelerator);
    this.#settling = this.#serial(() => settle(this.#dataset(), units)).catch((error: unknown) => {
      // A commit is durable before; an engine that shuts down settles by itself.
      if (!this.#closing.signal.aborted) warn?.(`The files of ${this.config.name} were not settled`, error);
    });
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
      const busy = [...this.#slots.values(), ...this.#leaving].some((slot) => slot.hasRetired);
      if (!busy && this.#leaving.size === 0) return;
      try {
        await this.#context.clock.sleep(graceMs / 2, signal);
        const now = this.#context.clock.monotonicMs();
        for (const slot of [...this.#slots.values(), ...this.#leaving]) await slot.reap(now, graceMs);
        for (const slot of this.#leaving) {
          if (slot.pinned || slot.hasRetired) continue;
          this.#leaving.delete(slot);
          await slot.serial(() => slot.table.drop());
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#context.warn?.(`Old versions of ${this.config.name} could not be removed yet`, error);
      }
    }
  }
}
