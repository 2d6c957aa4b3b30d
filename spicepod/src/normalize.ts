import type { EngineTable } from "./capabilities.ts";
import { parseDuration } from "./duration.ts";
import type { Parameters, ParametersWithColumns } from "./field/collection.ts";
import type { Value } from "./field/field.ts";
import type { Report } from "./field/report.ts";
import type { accelerationSection } from "./fields/acceleration.ts";
import type { spicepodSection } from "./fields/spicepod.ts";
import type { Acceleration, Dataset, SnapshotTrigger, Spicepod, View } from "./model.ts";
import { fullTableName } from "./names.ts";
import type { Locations } from "./tree/locations.ts";

type Written = Value<typeof spicepodSection.fields>;
type WrittenAcceleration = Value<typeof accelerationSection.fields>;

interface Context {
  readonly report: Report;
  readonly locations: Locations;
  readonly engines: EngineTable | undefined;
}

/**
 * Brings what was written into the form of the model: older forms become the newer ones, a trigger and its threshold
 * one value, defaults that depend on the engine are filled in. Contradictions are reported.
 */
export function normalize(written: Written, context: Context): Spicepod {
  return {
    ...written,
    datasets: written.datasets.map((dataset) => normalizeDataset(dataset, context)),
    views: written.views.map((view) => normalizeView(view, context)),
  };
}

function normalizeDataset(written: Written["datasets"][number], context: Context): Dataset {
  const { from: source, params, acceleration, ...rest } = written;
  const path = written.path;
  const below = acceleration?.params;
  const partitionColumns = olderColumns(path, params, below, context);
  const values = { ...params?.values };
  const format = below?.values["file_format"];
  if (format !== undefined) {
    const here = values["file_format"];
    if (here !== undefined && here !== format) {
      fail(
        context,
        `${path}.acceleration.params.file_format`,
        "contradicts `file_format` in the dataset's `params`.",
      );
    }
    values["file_format"] = here ?? format;
  }
  if (partitionColumns !== undefined && (source.kind === "file" || source.kind === "object")) {
    if (values["hive_partitioning"] === "false") {
      const message = "is `false`, but `partition_cols` switches Hive folders on: remove one of them.";
      fail(context, `${path}.params.hive_partitioning`, message);
    }
    values["hive_partitioning"] = "true";
  }
  return {
    ...rest,
    source,
    params: values,
    fullName: fullTableName(written.name),
    acceleration: normalizeAcceleration(acceleration, path, partitionColumns, context),
  };
}

function normalizeView(written: Written["views"][number], context: Context): View {
  const { path, acceleration } = written;
  const partitionColumns = acceleration?.params?.partitionColumns;
  return {
    ...written,
    fullName: fullTableName(written.name),
    acceleration: normalizeAcceleration(acceleration, path, partitionColumns, context),
  };
}

/** `partition_cols`, which may stand under the dataset or under its acceleration. */
function olderColumns(
  path: string,
  onDataset: ParametersWithColumns | undefined,
  onAcceleration: ParametersWithColumns | undefined,
  context: Context,
): readonly string[] | undefined {
  const above = onDataset?.partitionColumns;
  const below = onAcceleration?.partitionColumns;
  if (above !== undefined && below !== undefined && above.join() !== below.join()) {
    const message = "contradicts `partition_cols` in the dataset's `params`.";
    fail(context, `${path}.acceleration.params.partition_cols`, message);
  }
  return below ?? above;
}

function normalizeAcceleration(
  written: WrittenAcceleration | undefined,
  component: string,
  partitionColumns: readonly string[] | undefined,
  context: Context,
): Acceleration | undefined {
  if (written === undefined) return undefined;
  const { mode, params, snapshotsTrigger, snapshotsTriggerThreshold, ...rest } = written;
  const path = `${component}.acceleration`;
  const engine =
    context.engines !== undefined && Object.hasOwn(context.engines, rest.engine)
      ? context.engines[rest.engine]
      : undefined;
  const older = (partitionColumns ?? []).map((expression, i) => ({ name: `expr${i}`, expression }));
  return {
    ...rest,
    mode: mode ?? engine?.defaultMode ?? "memory",
    partitionBy: rest.partitionBy.length > 0 ? rest.partitionBy : older,
    params: withoutFormat(params?.values ?? {}, component),
    snapshotsTrigger: trigger(snapshotsTrigger, snapshotsTriggerThreshold, path, context),
  };
}

/** The format of the files describes the source; on a dataset it has moved there. */
function withoutFormat(values: Parameters, component: string): Parameters {
  if (!component.startsWith("datasets")) return values;
  return Object.fromEntries(Object.entries(values).filter(([name]) => name !== "file_format"));
}

function trigger(
  kind: WrittenAcceleration["snapshotsTrigger"],
  threshold: string | undefined,
  path: string,
  context: Context,
): SnapshotTrigger {
  const field = `${path}.snapshots_trigger_threshold`;
  const missing = threshold === undefined ? " It is required with this trigger." : "";
  switch (kind) {
    case "refresh_complete":
      if (threshold !== undefined) {
        const message =
          "`snapshots_trigger_threshold` has no effect with `snapshots_trigger: refresh_complete`.";
        context.report.warn(context.locations.place(field), message);
      }
      return { kind };
    case "time_interval": {
      const intervalMs = parseDuration(threshold ?? "") ?? 0;
      if (intervalMs === 0) {
        fail(
          context,
          field,
          `must be a duration such as \`10m\` with \`snapshots_trigger: time_interval\`.${missing}`,
        );
      }
      return { kind, intervalMs };
    }
    case "stream_batches": {
      const batches = /^[0-9]{1,15}$/.test(threshold ?? "") ? Number(threshold) : 0;
      if (batches === 0) {
        fail(
          context,
          field,
          `must be a count such as \`1000\` with \`snapshots_trigger: stream_batches\`.${missing}`,
        );
      }
      return { kind, batches };
    }
    default:
      return kind satisfies never;
  }
}

function fail({ report, locations }: Context, path: string, message: string): void {
  if (!report.touches(path)) report.at(locations.place(path), message);
}
