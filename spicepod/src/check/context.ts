import type { EngineCapabilities, EngineTable } from "../capabilities.ts";
import type { Report } from "../field/report.ts";
import type { Accelerated, AccelerationField, Dataset, DatasetField, Spicepod, View } from "../model.ts";
import type { SourceParameters } from "../parameters/source.ts";
import type { Problem } from "../problem.ts";
import type { Locations } from "../tree/locations.ts";
import type { Tree } from "../tree/tree.ts";
import type { UnavailableSetting } from "../unavailable.ts";

/** What the checks at start need to know of the runtime. */
export interface CheckOptions {
  readonly mode: "cluster" | "single";
  readonly engines: EngineTable;
  /** The fields that the runtime honours; every field when absent. */
  readonly supportedFields?: SupportedFields;
  /** What this version does not have; by default the list of `unavailable.ts`. */
  readonly unavailable?: readonly UnavailableSetting[];
  readonly sources: SourceParameters;
  /** What is wrong with the text of a partition expression; undefined for a right one. Not judged when absent. */
  readonly partitionExpression?: (text: string) => string | undefined;
}

/** Names of fields as the spicepod writes them. A field that is set otherwise than to its default must be here. */
export interface SupportedFields {
  readonly acceleration?: readonly AccelerationField[];
  readonly dataset?: readonly DatasetField[];
}

/** One spicepod under check. */
export class CheckContext {
  readonly spicepod: Spicepod;
  readonly tree: Tree;
  readonly locations: Locations;
  readonly options: CheckOptions;
  readonly #report: Report;

  constructor(spicepod: Spicepod, tree: Tree, locations: Locations, options: CheckOptions, report: Report) {
    this.spicepod = spicepod;
    this.tree = tree;
    this.locations = locations;
    this.options = options;
    this.#report = report;
  }

  /** Reports a problem with a field, unless one is known there already: the first that is found is the cause. */
  fail(path: string, message: string, more: Partial<Pick<Problem, "suggestion" | "code">> = {}): void {
    if (!this.#report.touches(path)) this.#report.at(this.locations.place(path), message, more);
  }

  warn(path: string, message: string): void {
    this.#report.warn(this.locations.place(path), message);
  }

  isSet(path: string): boolean {
    return this.locations.isSet(path);
  }

  /** True when a problem with the field, one above it or one below it is known. */
  isBroken(path: string): boolean {
    return this.#report.touches(path);
  }

  /** The datasets and views whose acceleration is on. */
  get accelerated(): readonly Accelerated[] {
    const all: readonly (Dataset | View)[] = [...this.spicepod.datasets, ...this.spicepod.views];
    return all.flatMap((each) =>
      each.acceleration?.enabled ? [{ ...each, acceleration: each.acceleration }] : [],
    );
  }

  /** What the engine of an acceleration can do; undefined when the runtime has no such engine. */
  engineOf({ acceleration, path }: Accelerated): EngineCapabilities | undefined {
    const { engines } = this.options;
    if (this.isBroken(`${path}.acceleration.engine`) || !Object.hasOwn(engines, acceleration.engine))
      return undefined;
    return engines[acceleration.engine];
  }
}

export function isDataset(component: Dataset | View): component is Dataset {
  return "source" in component;
}

/** The name, or the path where the name itself is wrong. */
export function nameOf({ name, path }: Dataset | View): string {
  return name === "" ? path : name;
}

/** How messages name a component, e.g. `dataset 'events'`. */
export function describe(component: Dataset | View): string {
  return `${isDataset(component) ? "dataset" : "view"} '${nameOf(component)}'`;
}
