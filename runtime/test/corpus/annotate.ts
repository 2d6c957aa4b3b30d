import type { Database, Json } from "../../src/ports/database.ts";
import type { Comparison, OrderKey } from "./query.ts";

/** Integers that a JSON parser would round, and that must come back as they were. */
const wideNumber = /:(-?\d{16,})(?=[,}\]])/g;

type Tree = { readonly [key: string]: Json };

/**
 * Find out from a statement itself how its answer is to be compared: the engine's own parser gives the ORDER BY, whose
 * keys are matched with the output columns, and the LIMIT, without which the statement is printed again as `full`.
 *
 * A key that is no output column ends the list of keys: what follows is then not checked, which is weaker but never
 * wrong. Columns with loose aggregates are the caller's business. Throws what the engine says of a wrong statement.
 */
export async function annotate(database: Database, sql: string): Promise<Comparison> {
  const text = sql.trim().replace(/;\s*$/, "");
  const statement = await parse(database, text);
  const node = tree(statement["node"]);
  const modifiers = trees(node["modifiers"]);
  const names = (await database.describe(text)).map((c) => c.name.toLowerCase());
  const order = modifiers
    .filter((m) => m["type"] === "ORDER_MODIFIER")
    .flatMap((m) => orderKeys(trees(m["orders"]), node, names));
  if (!modifiers.some((m) => String(m["type"]).startsWith("LIMIT"))) return { order };
  const rest = modifiers.filter((m) => !String(m["type"]).startsWith("LIMIT"));
  return { order, full: await print(database, { ...statement, node: { ...node, modifiers: rest } }) };
}

async function parse(database: Database, sql: string): Promise<Tree> {
  const [row] = await database.rows("SELECT json_serialize_sql($1::VARCHAR) AS j", { parameters: [sql] });
  const parsed = JSON.parse(String(row!["j"]).replace(wideNumber, ':"wide $1"')) as Tree;
  if (parsed["error"] === true) throw new Error(`${parsed["error_message"]}: ${sql.slice(0, 200)}`);
  const statements = trees(parsed["statements"]);
  if (statements.length !== 1) throw new Error(`Expected one statement: ${sql.slice(0, 200)}`);
  return statements[0]!;
}

async function print(database: Database, statement: Tree): Promise<string> {
  const json = JSON.stringify({ error: false, statements: [statement] }).replace(/"wide (-?\d+)"/g, "$1");
  const [row] = await database.rows("SELECT json_deserialize_sql($1::JSON) AS s", { parameters: [json] });
  return String(row!["s"]);
}

function orderKeys(orders: readonly Tree[], node: Tree, names: readonly string[]): OrderKey[] {
  const keys: OrderKey[] = [];
  for (const entry of orders) {
    const direction = {
      descending: entry["type"] === "DESCENDING",
      nullsFirst: entry["null_order"] === "NULLS FIRST" || entry["null_order"] === "NULLS_FIRST",
    };
    const expression = tree(entry["expression"]);
    if (expression["class"] === "STAR") {
      keys.push(...names.map((_, column) => ({ column, ...direction })));
      continue;
    }
    const column = outputColumn(expression, node, names);
    if (column === undefined) break;
    keys.push({ column, ...direction });
  }
  return keys;
}

/** The output column that an ORDER BY expression stands for: an ordinal, a name, or an expression of the select list. */
function outputColumn(expression: Tree, node: Tree, names: readonly string[]): number | undefined {
  if (expression["class"] === "CONSTANT") {
    const ordinal = Number(tree(expression["value"])["value"]);
    return Number.isInteger(ordinal) && ordinal >= 1 && ordinal <= names.length ? ordinal - 1 : undefined;
  }
  const list = node["select_list"] === undefined ? [] : trees(node["select_list"]);
  const plain = list.length === names.length && !list.some((item) => item["class"] === "STAR");
  const columnNames = expression["class"] === "COLUMN_REF" ? (expression["column_names"] as string[]) : [];
  if (columnNames.length === 1) {
    const name = columnNames[0]!.toLowerCase();
    const found = names.flatMap((n, i) => (n === name ? [i] : []));
    return found.length === 1 ? found[0] : undefined;
  }
  if (!plain) return undefined;
  const wanted = shape(expression);
  const found = list.findIndex((item) => shape(item) === wanted);
  return found === -1 ? undefined : found;
}

/** An expression without what does not change its meaning. */
function shape(expression: Tree): string {
  return JSON.stringify(expression, (key, value: unknown) =>
    key === "query_location" || key === "alias" ? undefined : value,
  );
}

function tree(value: Json | undefined): Tree {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new TypeError(`Expected a tree node, got ${JSON.stringify(value)}`);
  return value;
}

function trees(value: Json | undefined): readonly Tree[] {
  if (!Array.isArray(value))
    throw new TypeError(`Expected a list of tree nodes, got ${JSON.stringify(value)}`);
  return value.map(tree);
}
