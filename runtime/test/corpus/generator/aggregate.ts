import { anyColumn, columnOf, condition, expression } from "./expression.ts";
import { literal } from "./literal.ts";
import type { Kind } from "./schema.ts";
import { columnExpr, type Scope } from "./scope.ts";
import { type Expr, type Item, sql } from "./tree.ts";

/** One aggregate call, with what it may be where several values are right. */
export type Aggregate = Pick<Item, "expr" | "witness">;

const firm = {
  "count(*)": 5,
  count: 3,
  "count distinct": 3,
  sum: 6,
  min: 3,
  max: 3,
  bool_and: 1,
  bool_or: 1,
  bit_and: 1,
  bit_or: 1,
  bit_xor: 1,
  count_if: 1,
  arg_min: 1.6,
  arg_max: 1.6,
  string_agg: 1.5,
};

/** Those whose value may only stand in the outermost select list: floats by rounding, lists, loose values. */
const outermost = {
  avg: 4,
  var_pop: 2.1,
  var_samp: 2.1,
  stddev_pop: 2.1,
  stddev_samp: 2.1,
  variance: 2.1,
  stddev: 2.1,
  "list ordered": 2.1,
  "list unordered": 2.1,
  any_value: 2.1,
  "arg_min ties": 2,
  "arg_max ties": 2,
  mode: 1.8,
  median: 2,
  quantile_cont: 2.1,
  quantile_disc: 2,
  approx_count_distinct: 2.2,
  approx_quantile: 2.1,
  histogram: 2.1,
};

type Name = keyof typeof firm | keyof typeof outermost;

/** Every name that {@link aggregate} may draw; its tag is `agg:` and the name. */
export const aggregateNames: readonly Name[] = [
  ...(Object.keys(firm) as Name[]),
  ...(Object.keys(outermost) as Name[]),
];

export interface AggregateOptions {
  /** Only values that may be compared and handed on: for HAVING and subqueries. */
  readonly firm: boolean;
}

/** An aggregate call over the scope's columns, sometimes with DISTINCT or FILTER. */
export function aggregate(scope: Scope, options: AggregateOptions): Aggregate {
  const { rng } = scope;
  const name: Name = rng.weighted(options.firm ? firm : { ...firm, ...outermost });
  const plain: Scope = { ...scope, subquery: undefined };
  const where = rng.chance(0.15) ? condition(plain, 1) : undefined;
  return build(plain, name, where);
}

function build(scope: Scope, name: Name, where: Expr | undefined): Aggregate {
  const { rng } = scope;
  const tags = [`agg:${name}`, ...(where === undefined ? [] : ["agg filter"])];
  const filtered = (kind: Kind, call: Expr, also: readonly string[] = []): Expr =>
    where === undefined
      ? { ...call, kind, tags: [...tags, ...also] }
      : sql(kind, [...tags, ...also])`${call} FILTER (WHERE ${where})`;
  const plain = (kind: Kind, call: Expr): Aggregate => ({ expr: filtered(kind, call) });
  const distinct = rng.chance(0.2);
  const maybe = distinct ? "DISTINCT " : "";
  const also = distinct ? ["agg distinct"] : [];
  const value = () => anyColumn(scope) ?? literal(rng, "int");
  const number = () => rng.pick(["int", "dec"] as const);
  const untagged = { ...scope, subquery: undefined };
  switch (name) {
    case "count(*)":
      return plain("big", sql("big")`count(*)`);
    case "count":
      return plain("big", sql("big")`count(${value()})`);
    case "count distinct":
      return plain("big", sql("big")`count(DISTINCT ${value()})`);
    case "sum": {
      const kind = rng.pick(["int", "int", "dec", "dbl", "big"] as const);
      const call = sql("big")`sum(${maybe}${expression(untagged, kind, 1)})`;
      const result = { int: "big", big: "big", dec: "decx", dbl: "dbl" } as const;
      return { expr: filtered(result[kind], call, also) };
    }
    case "avg": {
      const call = sql("inexact")`avg(${maybe}${expression(untagged, rng.pick(["int", "dec", "dbl"]), 1)})`;
      return { expr: filtered("inexact", call, also) };
    }
    case "min":
    case "max": {
      const argument = value();
      return plain(argument.kind === "int" ? "big" : argument.kind, sql("big")`${name}(${argument})`);
    }
    case "bool_and":
    case "bool_or":
      return plain("bool", sql("bool")`${name}(${condition(untagged, 0)})`);
    case "bit_and":
    case "bit_or":
    case "bit_xor":
      return plain("big", sql("big")`${name}(${expression(untagged, "int", 1)})`);
    case "count_if":
      return plain("big", sql("big")`count_if(${condition(untagged, 0)})`);
    case "arg_min":
    case "arg_max": {
      // By a unique key there is one answer; without one in scope this becomes a plain minimum.
      const key = scope.columns.find((c) => c.name === "id");
      const argument = value();
      const kind = argument.kind === "int" ? "big" : argument.kind;
      if (key === undefined || new Set(scope.columns.map((c) => c.alias)).size > 1)
        return { expr: { ...filtered(kind, sql(kind)`min(${argument})`), tags: ["agg:min"] } };
      return plain(kind, sql(kind)`${name}(${argument}, ${columnExpr(key)})`);
    }
    case "string_agg": {
      const argument = columnOf(scope, "str");
      if (argument === undefined) return plain("big", { ...sql("big")`count(*)`, tags: [] });
      const order = sql("str")`${argument}${rng.pick(["", " DESC"])}`;
      return {
        expr: filtered("str", sql("str")`string_agg(${maybe}${argument}, ',' ORDER BY ${order})`, also),
      };
    }
    case "list ordered": {
      const argument = value();
      const order = rng.pick(["", " DESC", " DESC NULLS FIRST"]);
      return plain("list", sql("list")`list(${argument} ORDER BY ${argument}${order})`);
    }
    case "var_pop":
    case "var_samp":
    case "stddev_pop":
    case "stddev_samp":
    case "variance":
    case "stddev":
      return plain("inexact", sql("inexact")`${name}(${expression(untagged, rng.pick(["int", "dbl"]), 1)})`);
    case "median":
      return plain("inexact", sql("inexact")`median(${expression(untagged, number(), 1)})`);
    case "quantile_cont":
      return plain(
        "inexact",
        sql(
          "inexact",
        )`quantile_cont(${expression(untagged, number(), 1)}, ${rng.pick([0.1, 0.25, 0.5, 0.95])})`,
      );
    case "quantile_disc": {
      const argument = columnOf(scope, rng.pick(["int", "date", "str"])) ?? literal(rng, "int");
      return plain("list", sql("list")`quantile_disc(${argument}, ${rng.pick([0, 0.25, 0.5, 0.9, 1])})`);
    }
    case "histogram":
      return plain(
        "list",
        sql("list")`histogram(${columnOf(scope, rng.pick(["str", "bool"])) ?? literal(rng, "int")})`,
      );
    default:
      return loose(scope, name, filtered);
  }
}

/** Aggregates with several right values, and the list of those. */
function loose(scope: Scope, name: Name, filtered: (kind: Kind, call: Expr) => Expr): Aggregate {
  const { rng } = scope;
  const value = anyColumn(scope, ["int", "str", "date", "dec", "bool"]) ?? literal(rng, "int");
  const unTagged = (e: Expr): Expr => ({ ...e, tags: [] });
  const call = (make: Expr) => unTagged(filtered("list", make));
  const present = (make: Expr) => sql("list")`list_filter(${call(make)}, lambda x: x IS NOT NULL)`;
  switch (name) {
    case "list unordered":
      return {
        expr: filtered("list", sql("list")`list(${value})`),
        witness: { rule: "same-items", expr: call(sql("list")`list(${value})`) },
      };
    case "any_value":
      return {
        expr: filtered("list", sql("list")`any_value(${value})`),
        witness: { rule: "one-of", expr: present(sql("list")`list(${value})`) },
      };
    case "mode":
      return {
        expr: filtered("list", sql("list")`mode(${value})`),
        witness: {
          rule: "one-of",
          expr: best(
            sql("list")`map_entries(${call(sql("list")`histogram(${value})`)})`,
            "value",
            "max",
            "key",
          ),
        },
      };
    case "arg_min ties":
    case "arg_max ties": {
      const key = columnOf(scope, rng.pick(["int", "date"])) ?? literal(rng, "int");
      const pairs = call(sql("list")`list({'a': ${value}, 'b': ${key}})`);
      const known = sql("list")`list_filter(${pairs}, lambda x: x.a IS NOT NULL AND x.b IS NOT NULL)`;
      const end = name === "arg_min ties" ? "min" : "max";
      return {
        expr: filtered("list", sql("list")`arg_${end}(${value}, ${key})`),
        witness: { rule: "one-of", expr: best(known, "b", end, "a") },
      };
    }
    case "approx_count_distinct": {
      const exact = call(sql("list")`count(DISTINCT ${value})`);
      return {
        expr: filtered("list", sql("list")`approx_count_distinct(${value})`),
        witness: { rule: "within", expr: sql("list")`[floor(${exact} * 0.4) - 3, ceil(${exact} * 1.7) + 3]` },
      };
    }
    default: {
      // Not of negative numbers: DuckDB 1.5.5 answers 0 for approx_quantile(x, 0.9) over -5 and -6.
      const number = sql("int")`abs(${columnOf(scope, "int") ?? literal(rng, "int")})`;
      const q = rng.pick([0.25, 0.5, 0.9]);
      const at = (p: number) =>
        call(sql("list")`quantile_disc(${number}, ${Math.min(1, Math.max(0, p)).toFixed(2)})`);
      return {
        expr: filtered("list", sql("list")`approx_quantile(${number}, ${q})`),
        witness: { rule: "within", expr: sql("list")`[${at(q - 0.25)} - 1, ${at(q + 0.25)} + 1]` },
      };
    }
  }
}

/** Of a list of structs, the field `take` of those whose field `by` is the least or the greatest. */
function best(list: Expr, by: string, end: "min" | "max", take: string): Expr {
  const bound = sql("list")`list_${end}(list_transform(${list}, lambda y: y.${by}))`;
  return sql("list")`list_transform(list_filter(${list}, lambda x: x.${by} = ${bound}), lambda z: z.${take})`;
}
