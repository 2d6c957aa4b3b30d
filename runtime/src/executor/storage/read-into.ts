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
import { type DuplicateRule, SchemaMismatchError } from "../../ports/accelerator.ts";
import type { Clock } from "../../ports/clock.ts";
import type { SqlColumn } from "../../ports/database.ts";
import { SourceError, type SourceScan } from "../../ports/source.ts";
import { againAfterConflict } from "./again-after-conflict.ts";
import type { DatasetConfig } from "./dataset-config.ts";
import { type IngestTarget, ingest } from "./ingest.ts";
import type { PartitionSlot } from "./partition-slot.ts";
import type { RefreshRequest, TableContext } from "./refresh-types.ts";

/** Times that a source which changes while it is read is read at once, before the refresh fails. */
const attempts = 3;

/** The name that stands for the source's rows within `refresh_sql`. */
export const sourceAlias = "spice source";

/**
 * One scan of the source into `slots`; undefined when its objects are those that all slots have already. Versions
 * are committed but not yet in service. `held` are the table's columns so far; the result has those after the scan.
 * A scan whose objects change under it, or which met another change of the engine's catalogue, is thrown away and begun
 * anew at once.
 */
export function readInto(
  config: DatasetConfig,
  context: Pick<TableContext, "database" | "accelerator" | "source" | "clock" | "warn">,
  held: readonly SqlColumn[],
  slots: readonly PartitionSlot[],
  request: RefreshRequest & { mode: "full" | "append" },
  signal: AbortSignal,
  onRows: (rows: number) => void,
) {
  const read = () => readWhole(config, context, held, slots, request, signal, onRows);
  return againAfterConflict(read, context, signal);
}

async function readWhole(
  config: DatasetConfig,
  context: Pick<TableContext, "database" | "accelerator" | "source" | "clock" | "warn">,
  held: readonly SqlColumn[],
  slots: readonly PartitionSlot[],
  request: RefreshRequest & { mode: "full" | "append" },
  signal: AbortSignal,
  onRows: (rows: number) => void,
) {
  const refreshSql = request.refreshSql ?? config.refreshSql;
  const byObjects = config.refreshMode === "append" && config.timeColumn === undefined;
  const appendObjects = request.mode === "append" && byObjects;
  const mark = refreshSql === undefined ? "" : `|${digest(refreshSql)}`;
  const after = appendObjects ? (slots[0]!.current.position ?? undefined) : undefined;
  const toRead = { track: byObjects, ...(after === undefined ? {} : { after }) };
  for (let attempt = 1; ; attempt += 1) {
    const scan = await context.source.open(toRead, signal);
    try {
      const position = scan.position === null ? null : byObjects ? scan.position : `${scan.position}${mark}`;
      const same = position !== null && slots.every((s) => s.loaded && s.current.position === position);
      const windowed = config.dataWindowMs !== undefined || (request.mode === "append" && !appendObjects);
      if (same && !windowed && request.force !== true) return undefined;
      return await scanInto(
        config,
        context,
        held,
        scan,
        slots,
        { ...request, refreshSql, position, appendObjects },
        signal,
        onRows,
      );
    } catch (error) {
      signal.throwIfAborted();
      if (await isCurrent(scan, signal)) throw error;
      const { location } = context.source;
      if (attempt === attempts) {
        throw new SourceError(
          `${location} changed each of the ${attempts} times that it was read: write files elsewhere and move them into place when they are complete`,
          { cause: error, retryable: true },
        );
      }
      context.warn?.(`${location} changed while it was read; it is read again`, error);
    } finally {
      await scan.close();
    }
  }
}

/** False too when the objects cannot be listed: the next attempt says why. */
async function isCurrent(scan: SourceScan, signal: AbortSignal): Promise<boolean> {
  try {
    return await scan.isCurrent(signal);
  } catch (error) {
    signal.throwIfAborted();
    if ((error as Error).name === "SourceError") return false;
    throw error;
  }
}

/** Partitions that an append reads from the same place of the source: one scan for each group. */
export function appendGroups(
  config: Pick<DatasetConfig, "timeColumn">,
  slots: readonly PartitionSlot[],
): readonly (readonly PartitionSlot[])[] {
  if (config.timeColumn !== undefined) return [slots];
  const groups = new Map<string, PartitionSlot[]>();
  for (const slot of slots) {
    const position = slot.current.position ?? "";
    groups.set(position, [...(groups.get(position) ?? []), slot]);
  }
  return [...groups.values()];
}

async function scanInto(
  config: DatasetConfig,
  context: Pick<TableContext, "database" | "accelerator" | "clock">,
  held: readonly SqlColumn[],
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
  const { database } = context;
  const raw = await database.describe(`SELECT * FROM ${scan.relation}`, { signal });
  const sourceTime = timeColumn(config, config.timeColumn, raw);
  const coarse = timeColumn(config, config.timePartitionColumn, raw);
  const cutoffs = new Map(
    slots.map((slot) => [slot, cutoffOf(config, slot, request.mode, request.appendObjects)]),
  );
  const first = earliest([...cutoffs.values()]);
  const predicates: string[] = [];
  const later = (cutoff: string) => {
    if (sourceTime !== undefined) predicates.push(afterSql(sourceTime, cutoff));
    if (coarse !== undefined) predicates.push(partitionAfterSql(coarse, cutoff));
  };
  if (first !== null) later(first);
  if (config.dataWindowMs !== undefined) later(ago(context.clock, config.dataWindowMs));
  const sql = sourceQuery({
    relation: scan.relation,
    name: sourceAlias,
    predicates,
    ...(request.refreshSql === undefined
      ? {}
      : { refreshSql: await bindTable(database, request.refreshSql, names(config), sourceAlias) }),
  });
  const incoming = await database.describe(sql, { signal });
  const columns = evolve(config, held, incoming);
  const time = timeColumn(config, config.timeColumn, columns);
  const targets = slots.map((slot): IngestTarget => {
    const cutoff = cutoffs.get(slot) ?? null;
    const own =
      cutoff !== null && cutoff !== first && time !== undefined ? afterSql(time, cutoff) : undefined;
    return {
      slot,
      ...(own === undefined ? {} : { predicate: own }),
      write: (newest) => ({
        mode: insertMode(config, request.mode, time, cutoff),
        watermark: latest(request.mode === "append" ? slot.current.watermark : null, newest),
        position: request.position,
      }),
    };
  });
  const { accelerator } = context;
  const result = await ingest(
    context,
    {
      ...(accelerator.insertTogether === undefined
        ? {}
        : { insertTogether: accelerator.insertTogether.bind(accelerator) }),
      sql,
      columns: incoming,
      partitionBy: config.partitionBy,
      targets,
      confirm: async () => {
        if (!(await scan.isCurrent(signal))) throw new Error("A file was replaced");
      },
      ...(time === undefined ? {} : { watermarkSql: watermarkSql(time) }),
    },
    signal,
    onRows,
  );
  return { ...result, columns };
}

/** From which time on an append reads for a partition; null for everything. */
function cutoffOf(
  config: DatasetConfig,
  slot: PartitionSlot,
  mode: "full" | "append",
  appendObjects: boolean,
): string | null {
  if (mode === "full" || appendObjects || slot.current.watermark === null) return null;
  return before(slot.current.watermark, config.appendOverlapMs ?? 0);
}

function insertMode(
  config: DatasetConfig,
  mode: "full" | "append",
  time: TimeColumn | undefined,
  cutoff: string | null,
) {
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

function evolve(
  config: DatasetConfig,
  held: readonly SqlColumn[],
  incoming: readonly SqlColumn[],
): readonly SqlColumn[] {
  const evolution = evolveColumns(held, incoming);
  if (evolution.kind === "columns") return evolution.columns;
  throw new SchemaMismatchError(
    `The schema of the source of ${config.name} changed: ${evolution.reason}. The old data keeps serving. Remove the acceleration's files (or rename the dataset) to take the new schema, or keep the old column by refresh_sql.`,
  );
}

/** The time column with its type. Throws `SchemaMismatchError` when it does not exist. */
export function timeColumn(
  config: DatasetConfig,
  column: DatasetConfig["timeColumn"],
  columns: readonly SqlColumn[],
): TimeColumn | undefined {
  if (column === undefined) return undefined;
  const found = columns.find((c) => c.name.toLowerCase() === column.name.toLowerCase());
  if (found === undefined) {
    throw new SchemaMismatchError(`Dataset ${config.name} has no column ${column.name}, its time column`);
  }
  return { name: found.name, type: found.type, format: column.format };
}

/** What retention no longer keeps, as SQL over the table's columns; undefined when it keeps everything. */
export function expiredSql(
  config: DatasetConfig,
  columns: readonly SqlColumn[],
  nowMs: number,
): string | undefined {
  const rule = config.retention;
  if (rule === undefined) return undefined;
  return retentionSql(rule, timeColumn(config, config.timeColumn, columns), nowMs);
}

function ago(clock: Clock, ms: number): string {
  return formatInstant(BigInt(Math.floor(clock.wallMs() - ms)) * 1_000n);
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
