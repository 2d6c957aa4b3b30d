import { type Body, type Expr, type From, type Item, isQuery, type Query, type Select } from "./tree.ts";

export interface PrintOptions {
  /** Leave out the LIMIT and OFFSET of the outermost query. */
  readonly unlimited?: boolean;
  /** Print what loose items of the outermost query may be, in their place. */
  readonly witness?: boolean;
}

/** A tree as SQL text of DuckDB's dialect, on one line. */
export function printQuery(query: Query, options: PrintOptions = {}): string {
  const parts: string[] = [];
  if (query.ctes.length > 0)
    parts.push(`WITH ${query.ctes.map((c) => `${c.name} AS (${printQuery(c.query)})`).join(", ")}`);
  parts.push(printBody(query.body, options));
  if (query.orderBy.length > 0)
    parts.push(`ORDER BY ${query.orderBy.map((o) => orderText(o, query)).join(", ")}`);
  if (query.limit !== undefined && options.unlimited !== true) parts.push(`LIMIT ${query.limit}`);
  if (query.offset !== undefined && options.unlimited !== true) parts.push(`OFFSET ${query.offset}`);
  return parts.join(" ");
}

export function printExpr(expr: Expr): string {
  return expr.parts
    .map((part) =>
      typeof part === "string" ? part : isQuery(part) ? `(${printQuery(part)})` : printExpr(part),
    )
    .join("");
}

/** The output columns of a query: those of its first select. */
export function outputOf(body: Body): readonly Item[] {
  return body.type === "set" ? outputOf(body.left) : body.items;
}

function orderText(order: Query["orderBy"][number], query: Query): string {
  const name = order.ordinal ? String(order.column + 1) : outputOf(query.body)[order.column]!.alias;
  return [
    name,
    ...(order.descending ? ["DESC"] : []),
    ...(order.nulls === undefined ? [] : [`NULLS ${order.nulls}`]),
  ].join(" ");
}

function printBody(body: Body, options: PrintOptions): string {
  if (body.type === "select") return printSelect(body, options);
  const side = (part: Body) => (part.type === "set" ? `(${printBody(part, {})})` : printSelect(part, {}));
  return `${side(body.left)} ${body.operator} ${side(body.right)}`;
}

function printSelect(select: Select, options: PrintOptions): string {
  const items = select.items.map((item) => {
    const expr = options.witness === true && item.witness !== undefined ? item.witness.expr : item.expr;
    return `${printExpr(expr)} AS ${item.alias}`;
  });
  const conjunction = (word: string, all: readonly Expr[]) =>
    all.length === 0 ? [] : [`${word} ${all.map((e) => printExpr(e)).join(" AND ")}`];
  return [
    `SELECT ${select.distinct ? "DISTINCT " : ""}${items.join(", ")}`,
    ...(select.from === undefined ? [] : [`FROM ${printFrom(select.from)}`]),
    ...conjunction("WHERE", select.where),
    ...printGroup(select),
    ...conjunction("HAVING", select.having),
    ...conjunction("QUALIFY", select.qualify),
  ].join(" ");
}

function printGroup({ group, items }: Select): string[] {
  if (group === undefined) return [];
  const keys = group.keys.map((key) => printExpr(key));
  switch (group.form) {
    case "all":
      return ["GROUP BY ALL"];
    case "ordinals":
      return [
        `GROUP BY ${group.keys
          .map((key, i) => {
            const position = items.findIndex((item) => item.expr === key);
            return position === -1 ? keys[i] : String(position + 1);
          })
          .join(", ")}`,
      ];
    case "expressions":
      return [`GROUP BY ${keys.join(", ")}`];
    case "rollup":
      return [`GROUP BY ROLLUP (${keys.join(", ")})`];
    case "cube":
      return [`GROUP BY CUBE (${keys.join(", ")})`];
    case "sets":
      return [
        `GROUP BY GROUPING SETS (${group.sets.map((set) => `(${set.map((i) => keys[i]).join(", ")})`).join(", ")})`,
      ];
  }
}

function printFrom(from: From): string {
  switch (from.type) {
    case "table":
      return `${from.name} AS ${from.alias}`;
    case "query":
      return `${from.lateral ? "LATERAL " : ""}(${printQuery(from.query)}) AS ${from.alias}`;
    case "join": {
      const word = from.kind === "INNER" ? "JOIN" : `${from.kind} JOIN`;
      const right = from.right.type === "join" ? `(${printFrom(from.right)})` : printFrom(from.right);
      const condition =
        from.using.length > 0
          ? ` USING (${from.using.join(", ")})`
          : from.on.length > 0
            ? ` ON ${from.on.map((e) => printExpr(e)).join(" AND ")}`
            : "";
      return `${printFrom(from.left)} ${word} ${right}${condition}`;
    }
  }
}
