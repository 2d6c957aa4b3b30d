import { quoteIdentifier, quoteLiteral } from "../../sql/quote.ts";
import { printConstant } from "./print-literal.ts";
import type { Printer } from "./printer.ts";
import type { JoinRef, PivotRef, Sample, TableRef } from "./tree.ts";
import { UnprintableError } from "./unprintable.ts";

/** What stands behind FROM, with every join in parentheses where its place in the tree needs them. */
export function printFrom(p: Printer, ref: TableRef): string {
  switch (ref.type) {
    case "EMPTY":
      throw new UnprintableError("an empty FROM inside another");
    case "BASE_TABLE": {
      if (ref.at_clause !== null) throw new UnprintableError("a table AT a version");
      const path = [ref.catalog_name, ref.schema_name, ref.table_name].filter((part) => part !== "");
      return path.map(quoteIdentifier).join(".") + alias(ref, ref.column_name_alias) + sampled(ref);
    }
    case "SUBQUERY":
      return `(${p.query(ref.subquery.node)})${alias(ref, ref.column_name_alias)}${sampled(ref)}`;
    case "JOIN":
      return printJoin(p, ref);
    case "TABLE_FUNCTION": {
      const ordinality = ref.with_ordinality === "WITH_ORDINALITY" ? " WITH ORDINALITY" : "";
      return `${p.expression(ref.function)}${ordinality}${alias(ref, ref.column_name_alias)}${sampled(ref)}`;
    }
    case "EXPRESSION_LIST": {
      const rows = ref.values.map((row) => `(${row.map((e) => p.expression(e)).join(", ")})`);
      return `(VALUES ${rows.join(", ")})${alias(ref, ref.expected_names)}`;
    }
    case "PIVOT":
      return printPivot(p, ref);
    case "SHOW_REF":
      throw new UnprintableError("SHOW inside a query");
    default:
      return ref satisfies never;
  }
}

/** The text of a TABLESAMPLE or USING SAMPLE clause after its keywords. */
export function printSample(sample: Sample): string {
  const size = `${sample.sample_size.value}${sample.is_percentage ? " PERCENT" : " ROWS"}`;
  const seed = sample.seed < 0 ? "" : ` REPEATABLE (${sample.seed})`;
  return `${sample.method}(${size})${seed}`;
}

function sampled(ref: { readonly sample: Sample | null }): string {
  return ref.sample === null ? "" : ` TABLESAMPLE ${printSample(ref.sample)}`;
}

function alias(ref: { readonly alias: string }, columns: readonly string[]): string {
  const list = columns.length === 0 ? "" : `(${columns.map(quoteIdentifier).join(", ")})`;
  if (ref.alias === "") {
    if (list !== "") throw new UnprintableError("column names without a table name");
    return "";
  }
  return ` AS ${quoteIdentifier(ref.alias)}${list}`;
}

function printJoin(p: Printer, join: JoinRef): string {
  const left = join.left.type === "JOIN" ? `(${p.from(join.left)})` : p.from(join.left);
  const right = join.right.type === "JOIN" ? `(${p.from(join.right)})` : p.from(join.right);
  const kind = join.join_type === "OUTER" ? "FULL" : join.join_type;
  const natural = join.using_columns.length === 0 && join.condition === null;
  switch (join.ref_type) {
    case "CROSS":
      return `${left} CROSS JOIN ${right}`;
    case "POSITIONAL":
      return `${left} POSITIONAL JOIN ${right}`;
    case "NATURAL":
      return `${left} NATURAL ${kind} JOIN ${right}`;
    case "ASOF":
      return `${left} ASOF ${kind} JOIN ${right}${condition(p, join)}`;
    case "REGULAR":
      if (natural) throw new UnprintableError("a join without a condition");
      return `${left} ${kind} JOIN ${right}${condition(p, join)}`;
    default:
      return join.ref_type satisfies never;
  }
}

function condition(p: Printer, join: JoinRef): string {
  if (join.using_columns.length > 0) return ` USING (${join.using_columns.map(quoteIdentifier).join(", ")})`;
  return join.condition === null ? "" : ` ON ${p.expression(join.condition)}`;
}

function printPivot(p: Printer, ref: PivotRef): string {
  const source = ref.source.type === "JOIN" ? `(${p.from(ref.source)})` : p.from(ref.source);
  if (ref.aggregates.length === 0)
    return `${source} ${printUnpivot(p, ref)}${alias(ref, ref.column_name_alias)}`;
  const aggregates = ref.aggregates.map((aggregate) => {
    const name = aggregate.alias === "" ? "" : ` AS ${quoteIdentifier(aggregate.alias)}`;
    return `${p.expression(aggregate)}${name}`;
  });
  const pivots = ref.pivots.map(({ pivot_expressions, entries, pivot_enum }) => {
    if (pivot_enum !== "") throw new UnprintableError("PIVOT over an enum");
    const columns = pivot_expressions.map((e) => p.expression(e)).join(", ");
    const values = entries.map((entry) => {
      if (entry.star_expr !== null) throw new UnprintableError("PIVOT over an expression");
      const list = entry.values.map(printConstant).join(", ");
      const name = entry.alias === "" ? "" : ` AS ${quoteIdentifier(entry.alias)}`;
      return `${entry.values.length > 1 ? `(${list})` : list}${name}`;
    });
    return `${pivot_expressions.length > 1 ? `(${columns})` : columns} IN (${values.join(", ")})`;
  });
  const groups = ref.groups.length === 0 ? "" : ` GROUP BY ${ref.groups.map(quoteIdentifier).join(", ")}`;
  const text = `PIVOT (${aggregates.join(", ")} FOR ${pivots.join(" ")}${groups})`;
  return `${source} ${text}${alias(ref, ref.column_name_alias)}`;
}

function printUnpivot(p: Printer, ref: PivotRef): string {
  const [pivot] = ref.pivots;
  if (pivot === undefined || ref.pivots.length > 1) throw new UnprintableError("UNPIVOT over several names");
  const list = (names: readonly string[]) =>
    names.length > 1 ? `(${names.map(quoteIdentifier).join(", ")})` : names.map(quoteIdentifier).join("");
  const entries = pivot.entries.map((entry) => {
    const name = entry.alias === "" ? "" : ` AS ${quoteLiteral(entry.alias)}`;
    if (entry.star_expr !== null) return `${p.expression(entry.star_expr)}${name}`;
    return `${list(entry.values.map((v) => String(v.value)))}${name}`;
  });
  const nulls = ref.include_nulls ? "INCLUDE NULLS " : "";
  return `UNPIVOT ${nulls}(${list(ref.unpivot_names)} FOR ${list(pivot.unpivot_names)} IN (${entries.join(", ")}))`;
}
