import type { AccelerationMode } from "./capabilities.ts";
import type { Parameters } from "./field/collection.ts";
import type { Value } from "./field/field.ts";
import type { accelerationSection } from "./fields/acceleration.ts";
import type { datasetSection, viewSection } from "./fields/dataset.ts";
import type { runtimeSection, schedulerSection } from "./fields/runtime.ts";
import type { secretStoreSection, snapshotsSection, spicepodSection } from "./fields/spicepod.ts";
import type { Source } from "./source.ts";

type SpicepodFields = Value<typeof spicepodSection.fields>;
type DatasetFields = Value<typeof datasetSection.fields>;
type ViewFields = Value<typeof viewSection.fields>;
type AccelerationFields = Value<typeof accelerationSection.fields>;

/** Names of fields as the spicepod writes them. */
export type AccelerationField = keyof typeof accelerationSection.fields;
export type DatasetField = keyof typeof datasetSection.fields;

/** `runtime.scheduler`. Durations are milliseconds. */
export interface SchedulerSettings extends Value<typeof schedulerSection.fields> {}

/** `runtime`. Durations are milliseconds, sizes bytes. */
export interface RuntimeSettings extends Value<typeof runtimeSection.fields> {}

/** The top-level `snapshots`. Durations are milliseconds. */
export interface SnapshotSettings extends Value<typeof snapshotsSection.fields> {}

/** One entry of `secrets`. */
export interface SecretStoreSettings extends Value<typeof secretStoreSection.fields> {}

/** When a snapshot is written: `snapshots_trigger` with its threshold. */
export type SnapshotTrigger =
  | { readonly kind: "refresh_complete" }
  | { readonly kind: "time_interval"; readonly intervalMs: number }
  | { readonly kind: "stream_batches"; readonly batches: number };

/** `acceleration` of a dataset or view. Durations are milliseconds. */
export interface Acceleration
  extends Omit<AccelerationFields, "mode" | "params" | "snapshotsTrigger" | "snapshotsTriggerThreshold"> {
  /** As written, else the engine's default when the engines were given to the parser, else `memory`. */
  readonly mode: AccelerationMode;
  /** Engine parameters as written; secret references are not resolved. */
  readonly params: Parameters;
  readonly snapshotsTrigger: SnapshotTrigger;
}

/** One dataset. */
export interface Dataset extends Omit<DatasetFields, "from" | "params" | "acceleration"> {
  /** Where it stands in the file, e.g. `datasets[0]`. */
  readonly path: string;
  /** The resolved name, e.g. `spice.public.events`. */
  readonly fullName: string;
  readonly source: Source;
  /** Source parameters as written, with the older forms moved here; secret references are not resolved. */
  readonly params: Parameters;
  readonly acceleration: Acceleration | undefined;
}

/** One view. */
export interface View extends Omit<ViewFields, "acceleration"> {
  readonly path: string;
  readonly fullName: string;
  readonly acceleration: Acceleration | undefined;
}

/** A spicepod with every default applied (spec chapter 02). Plain data: equal texts give equal models. */
export interface Spicepod
  extends Omit<SpicepodFields, "runtime" | "snapshots" | "secrets" | "datasets" | "views"> {
  readonly runtime: RuntimeSettings;
  readonly snapshots: SnapshotSettings | undefined;
  readonly secrets: readonly SecretStoreSettings[];
  readonly datasets: readonly Dataset[];
  readonly views: readonly View[];
}

/** A dataset or view whose acceleration is switched on. */
export type Accelerated = (Dataset | View) & { readonly acceleration: Acceleration };

export function isAccelerated<T extends Dataset | View>(
  component: T,
): component is T & { acceleration: Acceleration } {
  return component.acceleration?.enabled === true;
}

/**
 * The number that the operator wrote into `metadata.generation` (spec chapter 04), or undefined when there is none.
 * The parser has checked that it is a whole number of at least zero.
 */
export function generationOf(spicepod: Pick<Spicepod, "metadata">): number | undefined {
  const written = spicepod.metadata["generation"];
  return typeof written === "number" ? written : typeof written === "string" ? Number(written) : undefined;
}
