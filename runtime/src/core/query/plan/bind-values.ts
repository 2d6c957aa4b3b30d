import { binary, call, cast, constant, nullConstant, stringConstant } from "../tree/make.ts";
import type { Expression } from "../tree/tree.ts";
import { rewrite, type TreeObject, walk } from "../tree/walk.ts";
import { StatementError } from "./statement-error.ts";

/** A parameter's value as JSON. */
export type ParameterValue =
  | null
  | boolean
  | number
  | string
  | readonly ParameterValue[]
  | { readonly [key: string]: ParameterValue };

/** The values that are the same everywhere in one query (spec chapter 07: `now()` and its kin are folded once). */
export interface QueryValues {
  readonly parameters: readonly ParameterValue[];
  /** Microseconds since the epoch at which the query began. */
  readonly nowMicros: bigint;
  readonly catalog: string;
  readonly schema: string;
  readonly user: string;
}

/** Keywords that the parser reads as columns and the engine as functions when there is no such column. */
const bareKeywords = new Set(
  "current_date current_timestamp current_time localtime localtimestamp current_catalog current_schema current_user current_role session_user user".split(
    " ",
  ),
);

/**
 * The statement with typed literals in place of parameters and of functions that have one value per query.
 * `isColumn` tells whether a name may be a column: then a bare `user` is left alone.
 * @throws StatementError when a parameter has no value, or a value has no parameter.
 */
export function bindValues<T>(tree: T, values: QueryValues, isColumn: (name: string) => boolean): T {
  checkParameters(tree, values.parameters.length);
  return rewrite(tree, (node) => {
    const replaced = replacement(node, values, isColumn);
    return replaced === undefined ? undefined : { ...replaced, alias: String(node["alias"] ?? "") };
  });
}

function checkParameters(tree: unknown, given: number): void {
  let highest = 0;
  walk(tree, (node) => {
    if (node["class"] !== "PARAMETER") return true;
    const index = Number(node["identifier"]);
    if (!Number.isInteger(index) || index < 1) {
      throw new StatementError(
        `Parameter $${node["identifier"]} has a name: use $1, $2, … or ?`,
        position(node),
      );
    }
    if (index > given) throw new StatementError(`Parameter $${index} has no value`, position(node));
    highest = Math.max(highest, index);
    return false;
  });
  if (highest < given) {
    throw new StatementError(`${given} parameter values were given, the statement uses ${highest}`);
  }
}

function position(node: TreeObject): number | undefined {
  return typeof node["query_location"] === "number" ? node["query_location"] : undefined;
}

function replacement(
  node: TreeObject,
  values: QueryValues,
  isColumn: (name: string) => boolean,
): Expression | undefined {
  switch (node["class"]) {
    case "PARAMETER":
      return literal(values.parameters[Number(node["identifier"]) - 1] ?? null);
    case "COLUMN_REF": {
      const names = node["column_names"] as readonly string[];
      const name = names[0]?.toLowerCase() ?? "";
      if (names.length !== 1 || !bareKeywords.has(name) || isColumn(name)) return undefined;
      return folded(name, values);
    }
    case "FUNCTION": {
      const name = String(node["function_name"]).toLowerCase();
      const args = node["children"] as readonly Expression[];
      if (name === "ago" && args.length === 1 && args[0] !== undefined) {
        return binary("-", instant(values), bindValues(args[0], { ...values, parameters: [] }, isColumn));
      }
      return args.length === 0 ? folded(name, values) : undefined;
    }
    default:
      return undefined;
  }
}

function instant(values: QueryValues): Expression {
  return cast(stringConstant(`${timestampText(values.nowMicros)}+00`), "TIMESTAMP WITH TIME ZONE");
}

function folded(name: string, values: QueryValues): Expression | undefined {
  const text = timestampText(values.nowMicros);
  switch (name) {
    case "now":
    case "get_current_timestamp":
    case "transaction_timestamp":
    case "current_timestamp":
      return instant(values);
    case "current_date":
    case "today":
      return cast(stringConstant(text.slice(0, 10)), "DATE");
    case "get_current_time":
    case "current_time":
      return cast(stringConstant(`${text.slice(11)}+00`), "TIME WITH TIME ZONE");
    case "current_localtime":
    case "localtime":
      return cast(stringConstant(text.slice(11)), "TIME");
    case "current_localtimestamp":
    case "localtimestamp":
      return cast(stringConstant(text), "TIMESTAMP");
    case "current_database":
    case "current_catalog":
      return stringConstant(values.catalog);
    case "current_schema":
      return stringConstant(values.schema);
    case "current_user":
    case "current_role":
    case "session_user":
    case "user":
      return stringConstant(values.user);
    default:
      return undefined;
  }
}

function timestampText(micros: bigint): string {
  const text = new Date(Number(micros / 1000n)).toISOString().slice(0, 19).replace("T", " ");
  return `${text}.${(micros % 1_000_000n).toString().padStart(6, "0")}`;
}

function literal(value: ParameterValue): Expression {
  if (value === null) return nullConstant();
  if (typeof value === "string") return stringConstant(value);
  if (typeof value === "boolean") {
    return constant({ type: { id: "BOOLEAN", type_info: null }, is_null: false, value });
  }
  if (typeof value === "number") {
    const id = !Number.isInteger(value) || Object.is(value, -0) ? "DOUBLE" : integerType(value);
    return constant({ type: { id, type_info: null }, is_null: false, value });
  }
  if (Array.isArray(value)) return call("list_value", value.map(literal));
  const fields = Object.entries(value as { readonly [key: string]: ParameterValue });
  if (fields.length === 0) throw new StatementError("An empty object cannot be a parameter's value");
  return call(
    "struct_pack",
    fields.map(([key, field]) => ({ ...literal(field), alias: key })),
  );
}

function integerType(value: number): string {
  if (value >= -2147483648 && value <= 2147483647) return "INTEGER";
  return Number.isSafeInteger(value) ? "BIGINT" : "DOUBLE";
}
