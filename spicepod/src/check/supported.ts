import type { Field, Fields } from "../field/field.ts";
import { accelerationSection } from "../fields/acceleration.ts";
import { datasetSection } from "../fields/dataset.ts";
import { type Json, type Tree, toJson, walk } from "../tree/tree.ts";
import { type CheckContext, describe, isDataset } from "./context.ts";

/** Fields that every runtime honours; what they may hold is checked elsewhere. */
export const alwaysSupported: readonly string[] = [
  "enabled",
  "engine",
  "mode",
  "partition_by",
  "from",
  "name",
  "params",
  "acceleration",
];

/** Fields that have no effect unless snapshots are on. */
const onlyWithSnapshots = "snapshots_";

/** A field that the runtime does not honour must not be set, except to its default. */
export function checkSupported(context: CheckContext): void {
  const supported = context.options.supportedFields;
  if (supported === undefined) return;
  const nodes = new Map([...walk(context.tree)].map((tree) => [tree.path, tree]));
  const { datasets, views } = context.spicepod;
  for (const component of [...datasets, ...views]) {
    const unsupported = (fields: Fields, honoured: readonly string[] | undefined, below: string) => {
      if (honoured === undefined) return;
      for (const [name, field] of Object.entries(fields)) {
        const path = `${component.path}${below}.${name}`;
        const tree = nodes.get(path);
        if (tree === undefined || [...honoured, ...alwaysSupported].includes(name) || isDefault(tree, field))
          continue;
        const whose = describe(component);
        context.fail(path, `\`${name}\` of ${whose} is not available in this version; remove it.`);
      }
    };
    if (isDataset(component)) unsupported(datasetSection.fields, supported.dataset, "");
    const { acceleration } = component;
    if (acceleration?.enabled !== true) continue;
    const snapshots = acceleration.snapshots !== "disabled";
    const fields = Object.entries(accelerationSection.fields).filter(
      ([name]) => snapshots || !name.startsWith(onlyWithSnapshots),
    );
    unsupported(Object.fromEntries(fields), supported.acceleration, ".acceleration");
  }
}

function isDefault(tree: Tree, field: Field): boolean {
  return field.written !== undefined && sameJson(toJson(tree) ?? field.written, field.written);
}

function sameJson(a: Json, b: Json): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
