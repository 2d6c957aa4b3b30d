import { aggregateNames } from "./aggregate.ts";
import { type Query, walk } from "./tree.ts";
import { windowNames } from "./window.ts";

/** What a statement uses, each once. */
export function tagsOf(query: Query): ReadonlySet<string> {
  const tags = new Set<string>();
  if (query.ctes.length > 0) tags.add("cte");
  if (query.orderBy.length > 0) tags.add("order by");
  if (query.orderBy.some((o) => o.nulls === "FIRST")) tags.add("nulls first");
  if (query.orderBy.some((o) => o.nulls === "LAST")) tags.add("nulls last");
  if (query.limit !== undefined) tags.add(query.orderBy.length > 0 ? "top-k" : "unordered limit");
  if (query.offset !== undefined) tags.add("offset");
  for (const node of walk(query)) {
    if ("parts" in node) for (const tag of node.tags) tags.add(tag);
    if (!("type" in node)) continue;
    if (node.type === "set") tags.add(`set:${node.operator}`);
    if (node.type === "select") {
      if (node.distinct) tags.add("distinct");
      if (node.group !== undefined) tags.add(`group:${node.group.form}`);
    }
    if (node.type === "join") {
      const lateral = node.right.type === "query" && node.right.lateral;
      tags.add(lateral ? "join:LATERAL" : node.using.length > 0 ? "join:USING" : `join:${node.kind}`);
    }
    if (node.type === "query" && !node.lateral) tags.add("subquery:from");
  }
  return tags;
}

/** Everything that spec chapter 11 wants at least 20 times in a run of 2,000 statements, and what belongs with it. */
export const wantedTags: readonly string[] = [
  ...aggregateNames.map((name) => `agg:${name}`),
  "agg filter",
  "agg distinct",
  ...["INNER", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI", "CROSS", "NATURAL", "USING", "LATERAL"].map(
    (k) => `join:${k}`,
  ),
  ...[
    "scalar",
    "scalar correlated",
    "exists",
    "exists correlated",
    "not exists",
    "not exists correlated",
  ].map((k) => `subquery:${k}`),
  ...["in", "in correlated", "not in", "not in correlated", "any", "all", "from"].map((k) => `subquery:${k}`),
  ...["UNION", "UNION ALL", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL"].map((k) => `set:${k}`),
  ...windowNames.map((name) => `window:${name}`),
  "window frame",
  ...["expressions", "expression", "ordinals", "all", "sets", "rollup", "cube"].map((k) => `group:${k}`),
  ...["grouping()", "having", "qualify", "distinct", "cte", "order by", "nulls first", "nulls last"],
  ...["top-k", "unordered limit", "offset"],
  ...[
    "compare",
    "between",
    "in",
    "null",
    "like",
    "distinct",
    "regexp",
    "boolean",
    "row",
    "and",
    "or",
    "not",
  ].map((k) => `predicate:${k}`),
];

/** How many statements use each tag, the rarest first. */
export function coverage(queries: Iterable<{ readonly tags: ReadonlySet<string> }>): [string, number][] {
  const counts = new Map(wantedTags.map((tag) => [tag, 0]));
  for (const { tags } of queries) for (const tag of tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  return [...counts].sort((a, b) => a[1] - b[1]);
}
