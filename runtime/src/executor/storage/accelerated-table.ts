import { createHash } from "node:crypto";
import { bindTable } from "../../adapters/duckdb/bind-table.ts";
import { evolveColumns } from "../../core/refresh/evolve-columns.ts";
import { retentionSql } from "../../core/refresh/retention.ts";
import { sourceQuery } from "../../core/refresh/source-query.ts";
import {
  afterSql,
  before,
  finerThanWatermark,
  formatInstant,
  partitionAfterSql,
  type TimeColumn,
  timeSql,
  watermarkSql,
} from "../../core/refresh/time-column.ts";
import {
  type AcceleratedDataset,
  type Accelerator,
  type DuplicateRule,
  type PartitionValues,
  SchemaMismatchError,
  type UnitRecord,
} from "../../ports/accelerator.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database, SqlColumn } from "../../ports/database.ts";
import type { Source, SourceScan } from "../../ports/source.ts";
import { type DatasetConfig, partitionKey } from "./dataset-config.ts";
import { type IngestTarget, ingest } from "./ingest.ts";
import { PartitionSlot, type PartitionState } from "./partition-slot.ts";

/** A partition as the cluster document assigns it. */
export interface AssignedPartition {
  readonly values: PartitionValues;
  readonly epoch: number;
}

export interface RefreshRequest {
  /** The dataset's own mode when absent. */
  readonly mode?: "full" | "append";
  /** Keys of the partitions; all when absent. */
  readonly partitions?: readonly string[];
  /** Instead of the dataset's `refresh_sql`. */
  readonly refreshSql?: string;
  /** Read the source even when its objects did not change. */
  readonly force?: boolean;
}

export interface RefreshReport {
  /** True when the source's objects were those of the last refresh, so that nothing was read. */
  readonly unchanged: boolean;
  /** Rows that were read for this executor's partitions. */
  readonly rows: number;
  readonly durationMs: number;
  /** The partitions in their new state. */
  readonly partitions: readonly PartitionState[];
  readonly failed: readonly { readonly key: string; readonly error: unknown }[];
}

/** How far a refresh is. */
export interface RefreshProgress {
  readonly dataset: string;
  readonly phase: "reading" | "writing" | "done";
  readonly rows: number;
}

export interface TableContext {
  readonly database: Database;
  readonly accelerator: Accelerator;
  readonly source: Source;
  readonly clock: Clock;
  readonly warn?: (message: string, cause: unknown) => void;
}

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
              this.#time(this.config.timeColumn, this.#columns),
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

  /** Pin a partition's version for a query; see `PartitionStore.pin`. Undefined when it is not assigned here. */
  pin(key: string, epoch: number, version: number) {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    const pinned = slot.pin(epoch, version, () => this.#context.clock.monotonicMs());
    return { relations: slot.table.scan(pinned.version, this.#columns), release: pinned.release };
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

  #dataset(): AcceleratedDataset {
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
    const groups = request.mode === "full" ? [slots] : this.#appendGroups(slots);
    let rows = 0;
    let unchanged = true;
    const failed: { key: string; error: unknown }[] = [];
    const tell = (phase: RefreshProgress["phase"], count: number) =>
      onProgress?.({ dataset: this.config.name, phase, rows: count });
    for (const group of groups) {
      tell("reading", rows);
      const result = await this.#readInto(group, request, signal, (count) => tell("writing", rows + count));
      if (result === undefined) continue;
      unchanged = false;
      rows += result.rows;
      const now = this.#context.clock.monotonicMs();
      for (const { slot, version } of result.written) slot.swap(version, now);
      for (const { slot, error } of result.failed) failed.push({ key: slot.key, error });
      if (result.written.length === 0 && failed.length > 0) throw failed[0]!.error;
    }
    await this.#record();
    this.#startReaper();
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

  async #readInto(
    slots: readonly PartitionSlot[],
    request: RefreshRequest & { mode: "full" | "append" },
    signal: AbortSignal,
    onRows: (rows: number) => void,
  ) {
    const { config } = this;
    const refreshSql = request.refreshSql ?? config.refreshSql;
    const byObjects = config.refreshMode === "append" && config.timeColumn === undefined;
    const appendObjects = request.mode === "append" && byObjects;
    const mark = refreshSql === undefined ? "" : `|${digest(refreshSql)}`;
    const after = appendObjects ? (slots[0]!.current.position ?? undefined) : undefined;
    const scan = await this.#context.source.open(
      { track: byObjects, ...(after === undefined ? {} : { after }) },
      signal,
    );
    try {
      const position = scan.position === null ? null : byObjects ? scan.position : `${scan.position}${mark}`;
      const same = position !== null && slots.every((s) => s.loaded && s.current.position === position);
      const windowed = config.dataWindowMs !== undefined || (request.mode === "append" && !appendObjects);
      if (same && !windowed && request.force !== true) return undefined;
      return await this.#scanInto(
        scan,
        slots,
        { ...request, refreshSql, position, appendObjects },
        signal,
        onRows,
      );
    } finally {
      await scan.close();
    }
  }

  async #scanInto(
    scan: SourceScan,
    slots: readonly PartitionSlot[],
    request: {
      mode: "full" | "append";
      refreshSql: string | undefined;
      position: string | null;
      appendObjects: boolean;
    },
    signal: AbortSignal,
    onRows: (rows: number) => void,
  ) {
    const { config } = this;
    const { database } = this.#context;
    const raw = await database.describe(`SELECT * FROM ${scan.relation}`, { signal });
    const sourceTime = this.#time(config.timeColumn, raw);
    const coarse = this.#time(config.timePartitionColumn, raw);
    const cutoffs = new Map(
      slots.map((slot) => [slot, this.#cutoff(slot, request.mode, request.appendObjects)]),
    );
    const first = earliest([...cutoffs.values()]);
    const predicates: string[] = [];
    const later = (cutoff: string) => {
      if (sourceTime !== undefined) predicates.push(afterSql(sourceTime, cutoff));
      if (coarse !== undefined) predicates.push(partitionAfterSql(coarse, cutoff));
    };
    if (first !== null) later(first);
    if (config.dataWindowMs !== undefined) later(this.#ago(config.dataWindowMs));
    const sql = sourceQuery({
      relation: scan.relation,
      name: alias,
      predicates,
      ...(request.refreshSql === undefined
        ? {}
        : { refreshSql: await bindTable(database, request.refreshSql, names(config), alias) }),
    });
    const incoming = await database.describe(sql, { signal });
    const columns = this.#evolve(incoming);
    const time = this.#time(config.timeColumn, columns);
    const targets = slots.map((slot): IngestTarget => {
      const cutoff = cutoffs.get(slot) ?? null;
      const own =
        cutoff !== null && cutoff !== first && time !== undefined ? afterSql(time, cutoff) : undefined;
      return {
        slot,
        ...(own === undefined ? {} : { predicate: own }),
        write: (newest) => ({
          mode: this.#insertMode(request.mode, time, cutoff),
          watermark: latest(request.mode === "append" ? slot.current.watermark : null, newest),
          position: request.position,
        }),
      };
    });
    const result = await ingest(
      database,
      {
        sql,
        columns: incoming,
        partitionBy: config.partitionBy,
        targets,
        ...(time === undefined ? {} : { watermarkSql: watermarkSql(time) }),
      },
      signal,
      onRows,
    );
    if (result.written.length > 0) this.#columns = columns;
    return result;
  }

  /** From which time on an append reads for a partition; null for everything. */
  #cutoff(slot: PartitionSlot, mode: "full" | "append", appendObjects: boolean): string | null {
    if (mode === "full" || appendObjects || slot.current.watermark === null) return null;
    return before(slot.current.watermark, this.config.appendOverlapMs ?? 0);
  }

  #insertMode(mode: "full" | "append", time: TimeColumn | undefined, cutoff: string | null) {
    const { config } = this;
    const order = time === undefined ? {} : { order: `${timeSql(time)} DESC NULLS LAST` };
    const rule: DuplicateRule =
      config.onConflict === undefined ? { kind: "error" } : { kind: config.onConflict, ...order };
    // Without a watermark everything is read, also what an append would take for new.
    const everything = mode === "full" || (time !== undefined && cutoff === null);
    if (everything) return { kind: "overwrite", duplicates: rule } as const;
    if (config.primaryKey.length > 0) {
      const newest: DuplicateRule = { kind: config.onConflict ?? "upsert", ...order };
      return { kind: "upsert", duplicates: newest } as const;
    }
    const again = (config.appendOverlapMs ?? 0) > 0 || (time !== undefined && finerThanWatermark(time));
    if (time === undefined || !again) return { kind: "append" } as const;
    return { kind: "append", reread: cutoff === null ? "true" : afterSql(time, cutoff) } as const;
  }

  #evolve(incoming: readonly SqlColumn[]): readonly SqlColumn[] {
    const evolution = evolveColumns(this.#columns, incoming);
    if (evolution.kind === "columns") return evolution.columns;
    throw new SchemaMismatchError(
      `The schema of the source of ${this.config.name} changed: ${evolution.reason}. The old data keeps serving. Remove the acceleration's files (or rename the dataset) to take the new schema, or keep the old column by refresh_sql.`,
    );
  }

  #time(column: DatasetConfig["timeColumn"], columns: readonly SqlColumn[]): TimeColumn | undefined {
    if (column === undefined) return undefined;
    const found = columns.find((c) => c.name.toLowerCase() === column.name.toLowerCase());
    if (found === undefined) {
      throw new SchemaMismatchError(
        `Dataset ${this.config.name} has no column ${column.name}, its time column`,
      );
    }
    return { name: found.name, type: found.type, format: column.format };
  }

  #ago(ms: number): string {
    return formatInstant(BigInt(Math.floor(this.#context.clock.wallMs() - ms)) * 1_000n);
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

/** The name that stands for the source's rows within `refresh_sql`. */
const alias = "spice source";

/** What an engine is told of a dataset. */
export function acceleratedDataset(config: DatasetConfig, columns: readonly SqlColumn[]): AcceleratedDataset {
  return {
    name: config.name,
    mode: config.mode,
    partitionBy: config.partitionBy.map(({ name, expression }) => ({ name, expression })),
    columns,
    primaryKey: config.primaryKey,
    indexes: config.indexes,
    parameters: config.parameters,
    unitPath: config.unitPath,
  };
}

function names(config: DatasetConfig): readonly string[] {
  return config.fullName.split(".");
}

function earliest(cutoffs: readonly (string | null)[]): string | null {
  if (cutoffs.length === 0 || cutoffs.includes(null)) return null;
  return (cutoffs as string[]).toSorted()[0] ?? null;
}

function latest(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return a > b ? a : b;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
