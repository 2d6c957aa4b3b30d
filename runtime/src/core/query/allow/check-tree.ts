import { type TreeObject, walk } from "../tree/walk.ts";
import { expressionFunctionClass, functionClass } from "./function-class.ts";

/** Why a statement is refused, and where in its text. */
export interface Refusal {
  readonly message: string;
  /** Byte offset, where known. */
  readonly position: number | undefined;
}

/** Every class of expression that may stand in a statement. */
const expressionClasses = new Set([
  ..."COLUMN_REF CONSTANT FUNCTION WINDOW COMPARISON CONJUNCTION OPERATOR BETWEEN CASE CAST COLLATE".split(
    " ",
  ),
  ..."SUBQUERY STAR LAMBDA PARAMETER POSITIONAL_REFERENCE".split(" "),
]);

/** Every other kind of node, by its `type`. */
const nodeTypes = new Set([
  ..."SELECT_NODE SET_OPERATION_NODE RECURSIVE_CTE_NODE".split(" "),
  ..."BASE_TABLE SUBQUERY JOIN TABLE_FUNCTION EXPRESSION_LIST PIVOT EMPTY SHOW_REF".split(" "),
  ..."ORDER_MODIFIER LIMIT_MODIFIER LIMIT_PERCENT_MODIFIER DISTINCT_MODIFIER".split(" "),
  ..."ASCENDING DESCENDING ORDER_DEFAULT".split(" "),
]);

/**
 * Check every node and function of a statement against the lists of what is allowed (spec chapter 07): a statement
 * can reach no file, no network, no setting and no other process, whatever the engine learns in later versions.
 */
export function checkTree(tree: unknown): Refusal | undefined {
  let refusal: Refusal | undefined;
  walk(tree, (node) => {
    if (refusal !== undefined) return false;
    const message = refuse(node);
    if (message === undefined) return true;
    const location = node["query_location"];
    refusal = { message, position: typeof location === "number" && location >= 0 ? location : undefined };
    return false;
  });
  return refusal;
}

function refuse(node: TreeObject): string | undefined {
  const { class: expressionClass, type } = node as { class?: unknown; type?: unknown };
  if (typeof expressionClass === "string") {
    if (!expressionClasses.has(expressionClass))
      return `Expressions of kind ${expressionClass} are not allowed`;
    if (expressionClass === "FUNCTION" || expressionClass === "WINDOW") return refuseFunction(node);
    return undefined;
  }
  if (typeof type !== "string" || type.endsWith("TYPE_INFO")) return undefined;
  if (!nodeTypes.has(type)) return `Parts of kind ${type} are not allowed`;
  if (type === "BASE_TABLE" && node["at_clause"] !== null)
    return "AT is not supported: tables keep no history";
  if (type === "TABLE_FUNCTION") {
    const name = String((node["function"] as TreeObject)["function_name"]);
    if (functionClass("table", name) !== "stable") {
      return `Table function ${name} is not allowed: only this cluster's tables and series can be read`;
    }
  }
  return undefined;
}

function refuseFunction(node: TreeObject): string | undefined {
  const name = String(node["function_name"]);
  if (node["export_state"] === true) return "EXPORT_STATE is not allowed";
  const found = expressionFunctionClass(name);
  // The call inside a table function has the table function's name, which was checked before.
  if (found !== undefined && found !== "refused") return undefined;
  const table = functionClass("table", name);
  if (table === "stable") return undefined;
  if (found === undefined && table === undefined) return `Function ${name} does not exist`;
  return `Function ${name} is not allowed: statements cannot reach files, settings or the state of a node`;
}
