import { columnExpression, parseColumns } from "../columns.ts";
import { describeKind, type Json, type Tree, type TreeEntry, toJson } from "../tree/tree.ts";
import type { JsonSchema, Kind } from "./field.ts";
import type { Report } from "./report.ts";

/** Parameters: a map of names to text. Numbers and booleans read as the text that was written. */
export type Parameters = Readonly<Record<string, string>>;

const parameterValue: JsonSchema = { type: ["string", "number", "boolean"] };

/** A list; null reads as the empty one, since a list whose items are commented out is one. */
export function list<T>(item: Kind<T>): Kind<readonly T[]> {
  return {
    read(tree, report) {
      if (tree.kind === "null") return [];
      if (tree.kind !== "list") return report.value(tree, `must be a list, found ${describeKind(tree)}.`);
      const items = tree.items.map((each) => item.read(each, report));
      return items.filter((each): each is Awaited<T> & T => each !== undefined);
    },
    schema: { type: ["array", "null"], items: item.schema },
  };
}

/** A free map of plain data. */
export function freeMap(): Kind<{ readonly [name: string]: Json }> {
  return {
    read(tree, report) {
      if (tree.kind === "null") return {};
      if (tree.kind !== "map") return report.value(tree, `must be a mapping, found ${describeKind(tree)}.`);
      return Object.fromEntries(tree.entries.map(({ name, value }) => [name, toJson(value)]));
    },
    schema: { type: ["object", "null"] },
  };
}

/** A map of parameters. The names are checked later, against what the engine, connector or store takes. */
export function parameters(): Kind<Parameters> {
  return {
    read(tree, report) {
      return readParameters(tree, report, () => undefined);
    },
    schema: { type: ["object", "null"], additionalProperties: parameterValue },
  };
}

/** Parameters where the older form `partition_cols`, a list of plain columns, may stand among the others. */
export interface ParametersWithColumns {
  readonly values: Parameters;
  readonly partitionColumns: readonly string[] | undefined;
}

export function parametersWithColumns(): Kind<ParametersWithColumns> {
  return {
    read(tree, report) {
      let partitionColumns: readonly string[] | undefined;
      const values = readParameters(tree, report, ({ name, value }) => {
        if (name !== "partition_cols") return undefined;
        partitionColumns = readColumnNames(value, report);
        return "taken";
      });
      return values === undefined ? undefined : { values, partitionColumns };
    },
    schema: {
      type: ["object", "null"],
      properties: {
        partition_cols: { type: "array", items: { type: "string", minLength: 1 }, minItems: 1 },
        partition_by: false,
        snapshot_url: false,
      },
      additionalProperties: parameterValue,
    },
  };
}

const misplaced: Readonly<Record<string, string>> = {
  partition_by: "`partition_by` belongs directly under `acceleration`, not under `params`.",
  snapshot_url:
    "`snapshot_url` is not a parameter: set `location` in the top-level `snapshots` section and opt the dataset in with `acceleration.snapshots`.",
};

function readParameters(
  tree: Tree,
  report: Report,
  take: (entry: TreeEntry) => "taken" | undefined,
): Parameters | undefined {
  if (tree.kind === "null") return {};
  if (tree.kind !== "map") return report.value(tree, `must be a mapping, found ${describeKind(tree)}.`);
  const values: [string, string][] = [];
  for (const entry of tree.entries) {
    const { name, place, value } = entry;
    if (take(entry) === "taken") continue;
    const wrong = Object.hasOwn(misplaced, name) ? misplaced[name] : undefined;
    if (wrong !== undefined) report.at(place, wrong);
    else if (value.kind === "string") values.push([name, value.value]);
    else if (value.kind === "number") values.push([name, value.text]);
    else if (value.kind === "boolean") values.push([name, String(value.value)]);
    else report.at(value, `must be a string, number or bool, found ${describeKind(value)}.`);
  }
  return Object.fromEntries(values);
}

function readColumnNames(tree: Tree, report: Report): readonly string[] | undefined {
  if (tree.kind !== "list")
    return report.value(tree, `must be a list of columns, found ${describeKind(tree)}.`);
  if (tree.items.length === 0) return report.value(tree, "must name at least one column.");
  const names: string[] = [];
  for (const item of tree.items) {
    if (item.kind !== "string" || item.value.trim() === "") {
      report.value(
        item,
        `must be a column name, found ${item.kind === "string" ? "an empty one" : describeKind(item)}.`,
      );
    } else names.push(columnExpression(item.value.trim()));
  }
  return names;
}

/** A column or several in parentheses: `id`, `(a, b)`. Reads as the names. */
export function columns(): Kind<readonly string[]> {
  return {
    read(tree, report) {
      const names = tree.kind === "string" ? parseColumns(tree.value) : undefined;
      return names ?? report.value(tree, "must be a column such as `id`, or several as `(a, b)`.");
    },
    schema: { type: "string", minLength: 1 },
  };
}

/** One entry of a map from column(s) to a word, e.g. of `indexes`. */
export interface ColumnRule<T extends string> {
  readonly columns: readonly string[];
  readonly rule: T;
}

/** A map from column(s) to one of a few words. */
export function columnMap<T extends string>(rule: Kind<T>): Kind<readonly ColumnRule<T>[]> {
  return {
    read(tree, report) {
      if (tree.kind === "null") return [];
      if (tree.kind !== "map") return report.value(tree, `must be a mapping, found ${describeKind(tree)}.`);
      const rules: ColumnRule<T>[] = [];
      for (const { name, place, value } of tree.entries) {
        const names = parseColumns(name);
        const word = rule.read(value, report);
        if (names === undefined)
          report.at(place, "must be keyed by a column such as `id`, or several as `(a, b)`.");
        else if (word !== undefined) rules.push({ columns: names, rule: word });
      }
      return rules;
    },
    schema: { type: ["object", "null"], additionalProperties: rule.schema },
  };
}

/** A duration or a count, as a string or a number; what it means is decided with its neighbours. */
export function durationOrCount(): Kind<string> {
  return {
    read(tree, report) {
      if (tree.kind === "string" && tree.value !== "") return tree.value;
      if (tree.kind === "number") return tree.text;
      return report.value(tree, `must be a duration or a count, found ${describeKind(tree)}.`);
    },
    schema: { type: ["string", "integer"] },
  };
}

/** A string that may hold secret references and is never shown. */
export function secretText(): Kind<string> {
  return {
    read(tree, report) {
      if (tree.kind === "string" && tree.value !== "") return tree.value;
      return report.at(tree, `must be a non-empty string, found ${describeKind(tree)}.`);
    },
    schema: { type: "string", minLength: 1 },
  };
}
