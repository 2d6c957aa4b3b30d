/** The tables of docs/spicepod.md, made from what `spicepod.yaml` is read and checked by. */
import {
  alwaysSupported,
  type JsonSchema,
  type ParameterSpec,
  spicepodJsonSchema,
  unavailable,
} from "@spice-shards/spicepod";
import { arrowDescription } from "../runtime/src/adapters/engine/arrow.ts";
import { duckdbDescription } from "../runtime/src/adapters/engine/duckdb/options.ts";
import { filesDescription } from "../runtime/src/adapters/source/files.ts";
import { postgresDescription } from "../runtime/src/adapters/source/postgres.ts";
import { supportedFields } from "../runtime/src/bin/compile-app.ts";

type Rows = readonly (readonly string[])[];

const sections = {
  "fields of the file": "",
  "fields of a secret store": "secrets[]",
  "fields of a dataset": "datasets[]",
  "fields of an acceleration": "datasets[].acceleration",
  "fields of a view": "views[]",
  "fields of the scheduler": "runtime.scheduler",
  "fields of queries": "runtime.query",
} as const;

const parameters = {
  "parameters of files": filesDescription.parameters,
  "parameters of PostgreSQL": postgresDescription.parameters,
  "parameters of arrow": arrowDescription.capabilities.parameters,
  "parameters of duckdb": duckdbDescription.capabilities.parameters,
};

/** Every table by the name of its marks, the head first. Fields that this version does not have are in one of their own. */
export function spicepodTables(): Readonly<Record<string, Rows>> {
  const schema = spicepodJsonSchema();
  return {
    ...mapValues(sections, (path) => fieldRows(at(schema, path), path)),
    ...mapValues(parameters, parameterRows),
    "what is not available": unavailableRows(),
  };
}

function fieldRows(schema: JsonSchema, path: string): Rows {
  const required = (schema["required"] ?? []) as readonly string[];
  const rows = Object.entries(schema["properties"] as Readonly<Record<string, JsonSchema>>)
    .filter(([name]) => isAvailable(path, name))
    .map(([name, field]) => {
      const type = required.includes(name) ? `${typeOf(field)}, required` : typeOf(field);
      return [`\`${name}\``, type, standard(field), String(field["description"])];
    });
  return [["field", "value", "default", "meaning"], ...rows];
}

/** Whether this version honours the field for at least some of its values. */
function isAvailable(path: string, name: string): boolean {
  const whole = path === "" ? name : `${path}.${name}`;
  if (unavailable.some(({ at, when }) => at === whole && when === "enabled")) return false;
  const honoured: Readonly<Record<string, readonly string[]>> = {
    "datasets[]": supportedFields.dataset,
    "datasets[].acceleration": supportedFields.acceleration,
  };
  const known = honoured[path];
  return known === undefined || known.includes(name) || alwaysSupported.includes(name);
}

function parameterRows(specs: readonly ParameterSpec[]): Rows {
  return [
    ["parameter", "value", "default", "meaning"],
    ...specs.map(({ name, type, default: value, description, secret }) => [
      `\`${name}\``,
      `${typeof type === "string" ? plain(type) : choices(type.oneOf)}${secret === true ? ", secret" : ""}`,
      value === undefined ? "" : `\`${value}\``,
      description,
    ]),
  ];
}

function unavailableRows(): Rows {
  return [
    ["field", "which", "what to do"],
    ...unavailable.map(({ at, when, alternative }) => [
      `\`${at.replaceAll("[]", "")}\``,
      when === "enabled"
        ? "all"
        : when === "off"
          ? "none, or `enabled: false`"
          : "above" in when
            ? `above ${when.above}`
            : "values" in when
              ? choices(when.values.map(String))
              : choices(when.schemes.map((scheme) => `${scheme}:`)),
      alternative,
    ]),
  ];
}

/** The schema of a field by its path, `[]` for the items of a list. */
function at(schema: JsonSchema, path: string): JsonSchema {
  const steps = path
    .replaceAll("[]", ".[]")
    .split(".")
    .filter((step) => step !== "");
  return steps.reduce((above: JsonSchema, step) => {
    const below = step === "[]" ? above["items"] : (above["properties"] as JsonSchema)[step];
    return below as JsonSchema;
  }, schema);
}

function typeOf(field: JsonSchema): string {
  if (field["enum"] !== undefined) return choices(field["enum"] as readonly string[]);
  const type = [field["type"]].flat().filter((each) => each !== "null");
  const pattern = String(field["pattern"] ?? "");
  if (pattern.includes("ms|s|m")) return "duration";
  if (pattern.includes("KiB")) return "size";
  return type.map((each) => plain(String(each))).join(" or ");
}

function plain(type: string): string {
  return { string: "text", object: "map", array: "list" }[type] ?? type;
}

function standard(field: JsonSchema): string {
  const value = field["default"];
  const nothing = value === undefined || ["{}", "[]"].includes(JSON.stringify(value));
  return nothing ? "" : `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

function choices(values: readonly string[]): string {
  return values.map((value) => `\`${value}\``).join(", ");
}

function mapValues<K extends string, V>(record: Readonly<Record<K, V>>, change: (value: V) => Rows) {
  return Object.fromEntries(
    (Object.entries(record) as [K, V][]).map(([name, value]) => [name, change(value)]),
  );
}
