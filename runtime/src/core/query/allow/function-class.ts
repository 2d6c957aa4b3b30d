import { functionLists } from "./gen/functions.ts";

/**
 * What the planner may do with a function: `stable` depends on its arguments alone, `folded` has one value per query
 * that the scheduler computes, `volatile` is evaluated once, in the scheduler. Everything else is `refused`.
 */
export type FunctionClass = "stable" | "folded" | "volatile" | "refused";

export type FunctionKind = "scalar" | "aggregate" | "table";

const classes = new Map<string, FunctionClass>();
for (const [key, names] of Object.entries(functionLists)) {
  const [kind, found] = key.split(" ") as [string, FunctionClass];
  for (const name of names.trim().split(/\s+/)) classes.set(`${kind} ${name.toLowerCase()}`, found);
}

/** The class of a function by its name in any case; `undefined` when there is no function of that kind. */
export function functionClass(kind: FunctionKind, name: string): FunctionClass | undefined {
  return classes.get(`${kind} ${name.toLowerCase()}`);
}

/** True for the name of an aggregate function (a window function too may bear it). */
export function isAggregate(name: string): boolean {
  return functionClass("aggregate", name) !== undefined;
}

/** The class of a function that stands in an expression, whether scalar or aggregate. */
export function expressionFunctionClass(name: string): FunctionClass | undefined {
  const scalar = functionClass("scalar", name);
  const aggregate = functionClass("aggregate", name);
  if (scalar === "refused" || aggregate === "refused") return "refused";
  return scalar ?? aggregate;
}
