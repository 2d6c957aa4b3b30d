import { type Tree, walk } from "../tree/tree.ts";
import type { UnavailableSetting } from "../unavailable.ts";
import { type CheckContext, describe } from "./context.ts";

/** Settings of features that this version does not have are errors, never silently ignored. */
export function checkUnavailable(context: CheckContext, settings: readonly UnavailableSetting[]): void {
  checkMissing(context, settings);
  for (const tree of walk(context.tree)) {
    const at = tree.path.replace(/\[\d+\]/g, "[]");
    for (const setting of settings) {
      if (setting.at !== at || !counts(tree, setting.when) || isSwitchedOff(context, tree.path)) continue;
      const component = componentAt(context, tree.path);
      const name = component === undefined ? tree.path : tree.path.slice(component.path.length + 1);
      const value =
        tree.kind === "string" || tree.kind === "boolean"
          ? `: ${tree.value}`
          : tree.kind === "number"
            ? `: ${tree.text}`
            : "";
      const whose = component === undefined ? "" : ` of ${describe(component)}`;
      context.fail(
        tree.path,
        `\`${name}${value}\`${whose} is not available in this version; ${setting.alternative}`,
      );
    }
  }
}

/** What this version cannot do without, and a dataset lacks. */
function checkMissing(context: CheckContext, settings: readonly UnavailableSetting[]): void {
  const off = settings.find(({ when }) => when === "off");
  if (off === undefined) return;
  for (const dataset of context.spicepod.datasets) {
    if (dataset.acceleration?.enabled === true) continue;
    context.fail(
      `${dataset.path}.acceleration`,
      `${describe(dataset)} without \`acceleration\` is not available in this version; ${off.alternative}`,
    );
  }
}

function counts(tree: Tree, when: UnavailableSetting["when"]): boolean {
  if (when === "off") return false;
  if (when === "enabled") {
    if (tree.kind !== "map") return false;
    const enabled = tree.entries.find(({ name }) => name === "enabled")?.value;
    return !(enabled?.kind === "boolean" && enabled.value === false);
  }
  if ("above" in when) return tree.kind === "number" && tree.value > when.above;
  if ("values" in when) {
    return (tree.kind === "string" || tree.kind === "boolean") && when.values.includes(tree.value);
  }
  return tree.kind === "string" && when.schemes.some((scheme) => tree.value.startsWith(`${scheme}:`));
}

/** Settings below an acceleration that is off have no effect anyway. */
function isSwitchedOff(context: CheckContext, path: string): boolean {
  const component = componentAt(context, path);
  return path.includes(".acceleration.") && component?.acceleration?.enabled === false;
}

function componentAt({ spicepod }: CheckContext, path: string) {
  return [...spicepod.datasets, ...spicepod.views].find((each) => path.startsWith(`${each.path}.`));
}
