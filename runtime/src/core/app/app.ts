import {
  type Accelerated,
  type Dataset,
  generationOf,
  isAccelerated,
  type SchedulerSettings,
  type Spicepod,
  schedulerDefaults,
  spicepodDigest,
} from "@spice-shards/spicepod";
import type { CycleTable } from "../cluster/cycle.ts";

/** A spicepod in force, and what the nodes of a cluster derive from it. Plain data. */
export interface App {
  readonly text: string;
  /** The committed generation; before the commit the number that the file carries, or 0. */
  readonly generation: number;
  readonly sha256: string;
  readonly spicepod: Spicepod;
  readonly scheduler: SchedulerSettings;
  /** The accelerated datasets. */
  readonly tables: readonly AppTable[];
  /** Plain views: SQL by lower-case name. */
  readonly views: ReadonlyMap<string, string>;
  /** Every dataset and view, for people. */
  readonly described: readonly AppComponent[];
}

export interface AppTable {
  readonly name: string;
  /** `spice.public.{name}`. */
  readonly fullName: string;
  /** Canonical prints of the partition expressions. */
  readonly partitionBy: readonly string[];
  readonly dataset: Dataset & Accelerated;
  /** The table as the assignment sees it. */
  readonly reconcile: Omit<CycleTable, "discovery">;
}

export interface AppComponent {
  readonly name: string;
  readonly fullName: string;
  readonly kind: "dataset" | "view";
  readonly from: string;
  readonly acceleration:
    | { readonly engine: string; readonly refreshMode: string; readonly partitionBy: readonly string[] }
    | undefined;
}

/**
 * What a checked spicepod means for the cluster. `canonical` prints a partition expression canonically and throws for
 * one that is not allowed.
 */
export function appOf(text: string, spicepod: Spicepod, canonical: (expression: string) => string): App {
  const tables = spicepod.datasets.filter(isAccelerated).map((dataset): AppTable => {
    const partitionBy = dataset.acceleration.partitionBy.map(({ expression }) => canonical(expression));
    return {
      name: dataset.name,
      fullName: dataset.fullName,
      partitionBy,
      dataset,
      reconcile: {
        name: dataset.fullName,
        expressions: partitionBy,
        onChangedExpressions: dataset.acceleration.mode === "memory" ? "rebuild" : "keep",
      },
    };
  });
  const partitionsOf = new Map(tables.map((t) => [t.fullName, t.partitionBy]));
  return {
    text,
    generation: generationOf(spicepod) ?? 0,
    sha256: spicepodDigest(text),
    spicepod,
    scheduler: spicepod.runtime.scheduler ?? schedulerDefaults,
    tables,
    views: new Map(spicepod.views.map((view) => [view.name.toLowerCase(), view.sql])),
    described: [...spicepod.datasets, ...spicepod.views].map((component): AppComponent => {
      const { name, fullName, acceleration } = component;
      return {
        name,
        fullName,
        kind: "source" in component ? "dataset" : "view",
        from: "source" in component ? component.source.text : component.sql,
        acceleration:
          acceleration?.enabled === true
            ? {
                engine: acceleration.engine,
                refreshMode: acceleration.refreshMode,
                partitionBy: partitionsOf.get(fullName) ?? [],
              }
            : undefined,
      };
    }),
  };
}
