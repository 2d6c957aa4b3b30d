import { isFunctionCall } from "../tree/is-node.ts";
import { rewrite } from "../tree/walk.ts";

/**
 * In a bound plan the macro `bucket` is a page of arithmetic in which nobody finds the call. So statements are
 * planned with this stand-in: it keeps its arguments in a struct, and because its value is an error, the engine can
 * fold no call of it into a wrong constant.
 */
export const bucketProbe = {
  name: "__bucket_probe",
  macro:
    "CREATE OR REPLACE MACRO __bucket_probe(n, x) AS " +
    "CAST(CAST(struct_pack(__bucket := n, __value := x) AS VARCHAR) AS BIGINT)",
} as const;

/** The tree with calls of `bucket` as calls of the stand-in. */
export function withBucketProbe<T>(tree: T): T {
  return rewrite(tree, (f) => {
    if (!isFunctionCall(f) || f.function_name.toLowerCase() !== "bucket") return undefined;
    return { ...f, function_name: bucketProbe.name, schema: "", children: withBucketProbe(f.children) };
  });
}

/** The call of `bucket` that a part of a bound plan stands for, if it does. */
export function probedBucket(node: Record<string, unknown>): Record<string, unknown> | undefined {
  if (node["expression_class"] !== "BOUND_CAST") return undefined;
  const text = node["child"] as Record<string, unknown>;
  if (text["expression_class"] === "BOUND_CONSTANT") {
    const value = (text["value"] as { value?: unknown }).value;
    // All arguments were constant: the call is lost, and what is left of it must not be evaluated.
    return typeof value === "string" && value.includes("__bucket") ? { ...lost, children: [] } : undefined;
  }
  if (text["expression_class"] !== "BOUND_CAST") return undefined;
  const pack = text["child"] as Record<string, unknown>;
  if (pack["expression_class"] !== "BOUND_FUNCTION" || pack["name"] !== "struct_pack") return undefined;
  const type = pack["return_type"] as { type_info?: { child_types?: readonly { first: string }[] } };
  if (type.type_info?.child_types?.[0]?.first !== "__bucket") return undefined;
  return { ...lost, name: "bucket", children: pack["children"] };
}

const lost = {
  expression_class: "BOUND_FUNCTION",
  name: "__bucket_probe",
  original_arguments: [],
  return_type: { id: "BIGINT", type_info: null },
  is_operator: false,
} as const;
