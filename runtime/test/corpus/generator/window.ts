import { anyColumn, columnOf, expression } from "./expression.ts";
import { literal } from "./literal.ts";
import { columnExpr, type Scope, type ScopeColumn } from "./scope.ts";
import { type Expr, sql } from "./tree.ts";

const anyOrder = {
  rank: 2,
  dense_rank: 2,
  percent_rank: 1.6,
  cume_dist: 1.6,
  count: 2,
  sum: 2,
  min: 2,
  max: 2,
  avg: 1.5,
};
const totalOrder = {
  row_number: 3,
  ntile: 2,
  lag: 2,
  lead: 2,
  first_value: 2,
  last_value: 2.4,
  nth_value: 2,
};
const aggregates = ["count", "sum", "min", "max", "avg"];
const frames = [
  "ROWS BETWEEN 2 PRECEDING AND CURRENT ROW",
  "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING",
  "ROWS BETWEEN 3 PRECEDING AND 3 FOLLOWING EXCLUDE CURRENT ROW",
  "ROWS UNBOUNDED PRECEDING",
] as const;
const peerFrames = [
  "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
  "GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
  "RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
] as const;

/** Every name that {@link windowCall} may draw; its tag is `window:` and the name. */
export const windowNames: readonly string[] = [...Object.keys(anyOrder), ...Object.keys(totalOrder)];

/**
 * A window call whose value does not depend on the order of ties: what counts rows is ordered by `unique`, columns that
 * together tell all rows apart; without those only functions that treat peers alike are used.
 */
export function windowCall(scope: Scope, unique: readonly ScopeColumn[] | undefined): Expr {
  const { rng } = scope;
  const name = unique === undefined ? rng.weighted(anyOrder) : rng.weighted({ ...anyOrder, ...totalOrder });
  const plain: Scope = { ...scope, subquery: undefined };
  const parts = rng.chance(0.65) ? rng.sample(partitionable(scope), rng.int(1, 2)) : [];
  const partition = parts.length === 0 ? "" : `PARTITION BY ${names(parts)} `;
  const direction = () => rng.pick(["", " DESC", " NULLS FIRST", " DESC NULLS FIRST"]);
  const total = () => {
    const first = anyColumn(scope, ["int", "str", "date"]);
    const lead =
      first?.column === undefined ? [] : [`${first.column.alias}.${first.column.name}${direction()}`];
    return `ORDER BY ${[...lead, ...unique!.map((c) => `${c.alias}.${c.name}`)].join(", ")}`;
  };
  const peers = () => {
    const column = anyColumn(scope, ["int", "str", "date"]);
    return `ORDER BY ${column?.column === undefined ? "1" : `${column.column.alias}.${column.column.name}`}${direction()}`;
  };
  const tags = [`window:${name}`];
  if (aggregates.includes(name)) {
    const over = aggregateOver(scope, unique, total, peers);
    return aggregateCall(plain, name, tags, `${partition}${over.text}`, over.tags);
  }
  const value = anyColumn(scope, ["int", "str", "date", "dec"]) ?? literal(rng, "int");
  const kind = value.kind === "int" ? "big" : value.kind;
  switch (name) {
    case "rank":
    case "dense_rank":
      return sql("big", tags)`${name}() OVER (${partition}${peers()})`;
    case "percent_rank":
    case "cume_dist":
      return sql("inexact", tags)`${name}() OVER (${partition}${peers()})`;
    case "row_number":
      return sql("big", tags)`row_number() OVER (${partition}${total()})`;
    case "ntile":
      return sql("big", tags)`ntile(${rng.int(2, 7)}) OVER (${partition}${total()})`;
    case "lag":
    case "lead":
      return sql(kind, tags)`${name}(${value}, ${rng.int(1, 3)}) OVER (${partition}${total()})`;
    case "nth_value":
      return sql(kind, tags)`nth_value(${value}, ${rng.int(1, 4)}) OVER (${partition}${total()})`;
    default: {
      const frame = rng.chance(0.4) ? ` ${rng.pick(frames)}` : "";
      const nulls = rng.chance(0.2) ? " IGNORE NULLS" : "";
      return sql(kind, tags)`${name}(${value}${nulls}) OVER (${partition}${total()}${frame})`;
    }
  }
}

function aggregateOver(
  { rng, columns }: Scope,
  unique: readonly ScopeColumn[] | undefined,
  total: () => string,
  peers: () => string,
): { text: string; tags: string[] } {
  const numeric = columns.filter((c) => c.kind === "int");
  const choice = rng.weighted({
    none: 2,
    peers: 2,
    rows: unique === undefined ? 0 : 2,
    range: numeric.length > 0 ? 2 : 0,
  });
  switch (choice) {
    case "none":
      return { text: "", tags: [] };
    case "peers":
      return { text: `${peers()} ${rng.pick(["", ...peerFrames])}`.trimEnd(), tags: ["window frame"] };
    case "rows":
      return { text: `${total()} ${rng.pick(frames)}`, tags: ["window frame"] };
    case "range": {
      const column = rng.pick(numeric);
      return {
        text: `ORDER BY ${column.alias}.${column.name} RANGE BETWEEN ${rng.int(0, 9)} PRECEDING AND ${rng.int(0, 9)} FOLLOWING`,
        tags: ["window frame"],
      };
    }
  }
}

function aggregateCall(
  scope: Scope,
  name: string,
  tags: readonly string[],
  over: string,
  more: string[],
): Expr {
  const { rng } = scope;
  const all = [...tags, ...more];
  if (name === "count")
    return sql("big", all)`count(${rng.chance(0.5) ? "*" : expression(scope, "int", 0)}) OVER (${over})`;
  if (name === "avg")
    return sql("inexact", all)`avg(${expression(scope, rng.pick(["int", "dec"]), 0)}) OVER (${over})`;
  if (name === "sum") {
    const kind = rng.pick(["int", "dec"] as const);
    return sql(kind === "int" ? "big" : "decx", all)`sum(${expression(scope, kind, 0)}) OVER (${over})`;
  }
  const value = columnOf(scope, rng.pick(["int", "str", "date", "wild"])) ?? literal(rng, "int");
  return sql(value.kind === "int" ? "big" : value.kind, all)`${name}(${value}) OVER (${over})`;
}

function partitionable(scope: Scope): ScopeColumn[] {
  const good = scope.columns.filter((c) => ["region", "k", "flag", "active", "ok", "kind"].includes(c.name));
  return good.length > 0 ? good : scope.columns.filter((c) => c.kind === "str" || c.kind === "bool");
}

function names(columns: readonly ScopeColumn[]): string {
  return columns.map((c) => columnExpr(c).parts[0]).join(", ");
}
