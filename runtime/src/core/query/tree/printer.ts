import type { Expression, QueryNode, TableRef } from "./tree.ts";

/** The printers of the three kinds of tree nodes, which contain each other. */
export interface Printer {
  query(node: QueryNode): string;
  expression(expression: Expression): string;
  from(ref: TableRef): string;
}
