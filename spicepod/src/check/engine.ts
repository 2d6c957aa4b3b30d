import type { EngineCapabilities } from "../capabilities.ts";
import type { Accelerated } from "../model.ts";
import { suggest } from "../suggest.ts";
import { type CheckContext, describe } from "./context.ts";

/** What an acceleration asks for against what its engine can do. Made from capabilities, never from names. */
export function checkEngines(context: CheckContext): void {
  for (const component of context.accelerated) {
    const engine = context.engineOf(component);
    if (engine === undefined) checkKnown(context, component);
    else {
      checkMode(context, component, engine);
      checkPartitioning(context, component, engine);
      checkFeatures(context, component, engine);
    }
  }
}

function checkKnown(context: CheckContext, { path, acceleration }: Accelerated): void {
  const known = Object.keys(context.options.engines);
  const list = known.map((name) => `\`${name}\``).join(", ");
  const suggestion = suggest(acceleration.engine, known);
  context.fail(
    `${path}.acceleration.engine`,
    `\`${acceleration.engine}\` is not an engine of this runtime; it has ${list}. Others are loaded by SPICED_ACCELERATORS.`,
    suggestion === undefined ? {} : { suggestion },
  );
}

function checkMode(context: CheckContext, component: Accelerated, engine: EngineCapabilities): void {
  const { mode, engine: name } = component.acceleration;
  if (engine.modes.includes(mode)) return;
  context.fail(
    `${component.path}.acceleration.mode`,
    `The engine \`${name}\` of ${describe(component)} does not support \`mode: ${mode}\`; use ${modes(engine.modes)}.`,
  );
}

function checkPartitioning(context: CheckContext, component: Accelerated, engine: EngineCapabilities): void {
  const { acceleration, path } = component;
  const { partitionBy, engine: name, mode } = acceleration;
  if (partitionBy.length === 0) return;
  const field = `${path}.acceleration.partition_by`;
  const none = engine.partitionExpressions === "none";
  if (none || (context.options.mode === "single" && engine.partitionsOnSingleNode === false)) {
    const where = none ? "" : " outside a cluster";
    const others = alternatives(
      context,
      (each) => each.partitionExpressions !== "none" && each.partitionsOnSingleNode !== false,
    );
    context.fail(
      field,
      `The engine \`${name}\` of ${describe(component)} does not take \`partition_by\`${where}; ${others}.`,
    );
    return;
  }
  if (engine.partitionExpressions === "single" && partitionBy.length > 1) {
    const title = engine.displayName ?? name;
    const message = `A single partition by expression is required for Partitioned ${title} acceleration`;
    context.fail(field, message, { code: "PartitionByRequired" });
  }
  const partitioned = engine.partitionModes ?? engine.modes;
  if (engine.modes.includes(mode) && !partitioned.includes(mode)) {
    context.fail(
      `${path}.acceleration.mode`,
      `The engine \`${name}\` of ${describe(component)} takes \`partition_by\` only with ${modes(partitioned)}.`,
    );
  }
}

/** One thing that an engine may or may not be able to do, and when an acceleration asks for it. */
interface Feature {
  readonly field: string;
  readonly wanted: (acceleration: Accelerated["acceleration"]) => boolean;
  readonly has: (engine: EngineCapabilities) => boolean;
  readonly shown: (acceleration: Accelerated["acceleration"]) => string;
  readonly instead: string;
  readonly why?: string;
}

const features: readonly Feature[] = [
  {
    field: "snapshots",
    wanted: ({ snapshots }) => snapshots !== "disabled",
    has: ({ snapshots }) => snapshots,
    shown: ({ snapshots }) => `snapshots: ${snapshots}`,
    instead: "or `snapshots: disabled`: its partitions are loaded from the source again",
  },
  {
    field: "indexes",
    wanted: ({ indexes }) => indexes.length > 0,
    has: ({ indexes }) => indexes,
    shown: () => "indexes",
    instead: "or remove it",
  },
  {
    field: "on_conflict",
    wanted: ({ onConflict }) => onConflict.some(({ rule }) => rule === "upsert"),
    has: ({ upsert }) => upsert,
    shown: () => "on_conflict",
    instead: "or remove it",
  },
  {
    // Rows that are read again must take the place of those with their key.
    field: "primary_key",
    wanted: ({ primaryKey, refreshMode }) => primaryKey !== undefined && refreshMode !== "full",
    has: ({ upsert }) => upsert,
    shown: ({ refreshMode }) => `primary_key with refresh_mode: ${refreshMode}`,
    instead: "or remove one of the two",
  },
  {
    field: "refresh_mode",
    wanted: ({ refreshMode }) => refreshMode !== "full",
    has: ({ incrementalRefresh }) => incrementalRefresh,
    shown: ({ refreshMode }) => `refresh_mode: ${refreshMode}`,
    instead: "or `refresh_mode: full`",
  },
];

function checkFeatures(context: CheckContext, component: Accelerated, engine: EngineCapabilities): void {
  const { acceleration, path } = component;
  for (const { field, wanted, has, shown, instead } of features) {
    if (!wanted(acceleration) || has(engine)) continue;
    const others = alternatives(context, has, "");
    const subject = `The engine \`${acceleration.engine}\` of ${describe(component)}`;
    const ways = others === "" ? instead.replace(/^or /, "") : `${others}, ${instead}`;
    context.fail(
      `${path}.acceleration.${field}`,
      `${subject} does not support \`${shown(acceleration)}\`; ${useWord(ways)}.`,
    );
  }
  const modesWithSnapshots = engine.snapshotModes ?? engine.modes;
  if (
    acceleration.snapshots !== "disabled" &&
    engine.snapshots &&
    !modesWithSnapshots.includes(acceleration.mode)
  ) {
    context.fail(
      `${path}.acceleration.snapshots`,
      `The engine \`${acceleration.engine}\` of ${describe(component)} takes snapshots only with ${modes(modesWithSnapshots)}.`,
    );
  }
}

function useWord(ways: string): string {
  return ways.startsWith("`") ? `use ${ways}` : ways;
}

function alternatives(
  context: CheckContext,
  can: (engine: EngineCapabilities) => boolean,
  none = "remove it",
): string {
  const names = Object.entries(context.options.engines).flatMap(([name, engine]) =>
    can(engine) ? [`\`${name}\``] : [],
  );
  return names.length === 0 ? none : `use ${names.join(", ").replace(/, (?=[^,]*$)/, " or ")}`;
}

function modes(all: readonly string[]): string {
  return all.map((mode) => `\`mode: ${mode}\``).join(" or ");
}
