import { likePatterns, literal } from "./literal.ts";
import type { Kind } from "./schema.ts";
import type { Scope } from "./scope.ts";
import { type Expr, sql } from "./tree.ts";

/** Makes an operand of a kind; handed in, because operands may hold predicates in turn. */
export type Operand = (scope: Scope, kind: Kind, depth: number) => Expr;

const weights = {
  compare: 10,
  between: 3,
  in: 4,
  null: 4,
  like: 3,
  distinct: 2,
  regexp: 1,
  boolean: 2,
  row: 1,
  and: 2,
  or: 4,
  not: 2,
};

/** A boolean expression over the scope's columns, of any kind of predicate; subqueries where the scope allows them. */
export function predicate(scope: Scope, operand: Operand, depth: number): Expr {
  const { rng } = scope;
  if (scope.subquery !== undefined && rng.chance(0.22)) return scope.subquery(scope, "bool");
  const make = rng.weighted(weights);
  const deep = depth > 0 || !["and", "or", "not"].includes(make);
  return predicateOf(scope, operand, depth, deep ? make : "compare");
}

function predicateOf(scope: Scope, operand: Operand, depth: number, make: keyof typeof weights): Expr {
  const { rng } = scope;
  const kind = comparedKind(scope);
  const inner = { ...scope, subquery: undefined };
  const left = (k: Kind = kind) => operand(inner, k, depth);
  const tags = [`predicate:${make}`];
  switch (make) {
    case "compare": {
      const operator = rng.pick(["=", "<>", "<", "<=", ">", ">="]);
      const right = rng.chance(0.8) ? literal(rng, kind) : left();
      return rng.chance(0.15)
        ? sql("bool", tags)`(${right} ${operator} ${left()})`
        : sql("bool", tags)`(${left()} ${operator} ${right})`;
    }
    case "between":
      return sql(
        "bool",
        tags,
      )`(${left()} ${rng.pick(["BETWEEN", "NOT BETWEEN"])} ${literal(rng, kind)} AND ${literal(rng, kind)})`;
    case "in": {
      const list = Array.from({ length: rng.int(1, 5) }, () => literal(rng, kind));
      const rest: Expr = {
        kind,
        tags: [],
        parts: list.flatMap((item, i) => (i === 0 ? [item] : [", ", item])),
      };
      const nulls = rng.chance(0.1) ? ", NULL" : "";
      return sql("bool", tags)`(${left()} ${rng.chance(0.7) ? "IN" : "NOT IN"} (${rest}${nulls}))`;
    }
    case "null":
      return sql("bool", tags)`(${left()} IS ${rng.chance(0.3) ? "" : "NOT "}NULL)`;
    case "like":
      return sql(
        "bool",
        tags,
      )`(${left("str")} ${rng.pick(["LIKE", "NOT LIKE", "ILIKE"])} '${rng.pick(likePatterns)}')`;
    case "regexp":
      return sql(
        "bool",
        tags,
      )`regexp_matches(${left("str")}, '${rng.pick(["^[A-E]", "x+$", "[0-9]{2}", "^$"])}')`;
    case "distinct":
      return sql(
        "bool",
        tags,
      )`(${left()} IS ${rng.chance(0.5) ? "NOT " : ""}DISTINCT FROM ${rng.chance(0.3) ? "NULL" : left()})`;
    case "boolean":
      return sql("bool", tags)`(${left("bool")} IS ${rng.pick(["TRUE", "NOT TRUE", "NOT FALSE"])})`;
    case "row":
      return sql(
        "bool",
        tags,
      )`((${left("int")}, ${left("str")}) ${rng.pick(["=", "<>", "<", ">="])} (${literal(rng, "int")}, ${literal(rng, "str")}))`;
    case "and":
    case "or": {
      const [a, b] = [predicate(scope, operand, depth - 1), predicate(scope, operand, depth - 1)];
      return sql("bool", tags)`(${a} ${make === "and" ? "AND" : "OR"} ${b})`;
    }
    case "not":
      return sql("bool", tags)`(NOT ${predicate(scope, operand, depth - 1)})`;
  }
}

/** A kind that the scope has columns of, so that few conditions are constant. */
function comparedKind(scope: Scope): Kind {
  const kinds = [...new Set(scope.columns.map((c) => c.kind))].filter(
    (k) => k !== "inexact" && k !== "list" && k !== "decx",
  );
  return kinds.length === 0 ? "int" : scope.rng.pick(kinds);
}
