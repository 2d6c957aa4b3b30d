import { writeEngineJson } from "../../core/query/tree/read-tree.ts";
import type { Expression, QueryNode } from "../../core/query/tree/tree.ts";
import { rewrite, type TreeObject } from "../../core/query/tree/walk.ts";
import type { Database } from "../../ports/database.ts";

/** Result columns whose expressions changed keep the names that the engine gives to the original expressions. */
export async function keepNames(database: Database, before: QueryNode, after: QueryNode): Promise<QueryNode> {
  if (before === after) return after;
  const changed: { readonly item: Expression; readonly original: Expression }[] = [];
  pairs(before, after, (original, item) => changed.push({ original, item }));
  if (changed.length === 0) return after;
  const names = await namesOf(
    database,
    changed.map(({ original }) => original),
  );
  const aliases = new Map(changed.map(({ item }, i) => [item as unknown, names[i] ?? ""]));
  return rewrite(after, (object) => {
    const alias = aliases.get(object);
    return alias === undefined ? undefined : { ...object, alias };
  });
}

async function namesOf(database: Database, expressions: readonly Expression[]): Promise<readonly string[]> {
  const names: string[] = [];
  for (const expression of expressions) {
    if (expression.class === "COLUMN_REF") {
      names.push(expression.column_names.at(-1) ?? "");
      continue;
    }
    if (expression.class === "PARAMETER") {
      names.push(`$${expression.identifier}`);
      continue;
    }
    const tree = { error: false, statements: [{ node: selectOnly(expression), named_param_map: [] }] };
    const [row] = await database.rows("SELECT json_deserialize_sql($1::JSON) AS text", {
      parameters: [writeEngineJson(tree)],
    });
    names.push(String(row?.["text"]).replace(/^SELECT /, ""));
  }
  return names;
}

/** Select items that differ between two trees of the same shape and have no name of their own. */
function pairs(
  before: unknown,
  after: unknown,
  visit: (before: Expression, after: Expression) => void,
): void {
  if (before === after || typeof before !== "object" || before === null) return;
  const a = before as TreeObject;
  const b = after as TreeObject;
  if (a["type"] === "SELECT_NODE") {
    const items = a["select_list"] as readonly Expression[];
    const changed = b["select_list"] as readonly Expression[];
    items.forEach((item, i) => {
      const other = changed[i];
      if (other !== undefined && item !== other && item.alias === "") visit(item, other);
    });
  }
  for (const [key, value] of Object.entries(a))
    pairs(value, (b as Record<string, unknown> | null)?.[key], visit);
}

function selectOnly(expression: Expression): unknown {
  return {
    type: "SELECT_NODE",
    modifiers: [],
    cte_map: { map: [] },
    select_list: [expression],
    from_table: { type: "EMPTY", alias: "", sample: null, query_location: 0 },
    where_clause: null,
    group_expressions: [],
    group_sets: [],
    aggregate_handling: "STANDARD_HANDLING",
    having: null,
    sample: null,
    qualify: null,
  };
}
