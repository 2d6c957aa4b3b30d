import { quoteIdentifier } from "../../sql/quote.ts";
import { projectedCall } from "../sql/duckdb-macros.ts";
import { canonicalText, printScalar } from "./canonical.ts";
import { parseExpression } from "./parse.ts";

/** A partition expression before the columns are known: what the cluster document and a load need of it. */
export interface UnboundPartitionExpression {
  /** Canonical print: how the cluster document names it. */
  readonly canonical: string;
  /**
   * DuckDB SQL over the table's columns, for a SELECT list (`projected` of `duckdb-sql.ts`); needs the macros of
   * `duckdb-macros.ts`.
   */
  readonly sql: string;
  /** True for a bare column. */
  readonly plain: boolean;
}

/** Parse a partition expression. Throws a PartitionExpressionError that names the rule it breaks. */
export function unboundPartitionExpression(text: string): UnboundPartitionExpression {
  const scalar = parseExpression(text);
  return {
    canonical: canonicalText(scalar),
    sql: printScalar(scalar, { identifier: quoteIdentifier, call: projectedCall }),
    plain: scalar.kind === "column",
  };
}
