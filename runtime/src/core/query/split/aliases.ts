import { isExpression } from "../tree/is-node.ts";
import type { Expression, SelectNode } from "../tree/tree.ts";
import { rewrite } from "../tree/walk.ts";
import { NotSplit } from "./block.ts";
import { isColumnName, type Scope } from "./scope.ts";

/**
 * The names that a SELECT gives to its own expressions, which DuckDB lets other clauses and later expressions use.
 * `inline` puts the expressions in place of such names, so that only columns of FROM remain.
 */
export class Aliases {
  readonly #scope: Scope;
  readonly #expressions = new Map<string, Expression>();

  constructor(node: SelectNode, scope: Scope) {
    this.#scope = scope;
    for (const item of node.select_list) {
      if (item.alias === "") continue;
      const name = item.alias.toLowerCase();
      // The first of several equal names wins, as in the engine.
      if (!this.#expressions.has(name)) this.#expressions.set(name, this.inline({ ...item, alias: "" }));
    }
  }

  /** The expression that an alias stands for. */
  get(name: string): Expression | undefined {
    return this.#expressions.get(name.toLowerCase());
  }

  /**
   * The expression with aliases replaced. A column of FROM wins over an alias of the same name.
   * @throws NotSplit where it is open which of the two a name means.
   */
  inline(expression: Expression): Expression {
    return rewrite(expression, (node) => {
      if (node["class"] === "SUBQUERY") {
        // Names inside may be the subquery's own: only what it is compared with belongs to this query.
        const child = node["child"] as Expression | null;
        return child === null ? node : { ...node, child: this.inline(child) };
      }
      if (node["class"] === "LAMBDA") return node;
      if (node["class"] !== "COLUMN_REF") return undefined;
      const names = node["column_names"] as readonly string[];
      const name = names[0] ?? "";
      const aliased = this.#expressions.get(name.toLowerCase());
      if (aliased === undefined || names.length > 1 || isColumnName(this.#scope, name)) return node;
      if (this.#scope.open) throw new NotSplit(`${name} may be a column or a name of an expression`);
      return aliased;
    });
  }

  /** As `inline` where the engine looks at aliases first: refused when a column has the name of a different value. */
  inlineAliasFirst(expression: Expression, same: (a: Expression, b: Expression) => boolean): Expression {
    rewrite(expression, (node) => {
      if (!isExpression(node) || node.class !== "COLUMN_REF") return undefined;
      const names = node.column_names;
      const aliased = names.length === 1 ? this.get(names[0] ?? "") : undefined;
      if (aliased === undefined || !isColumnName(this.#scope, names[0] ?? "")) return node;
      if (!same(aliased, node)) {
        throw new NotSplit(`${names[0]} is a column and the name of another expression`);
      }
      return node;
    });
    return this.inline(expression);
  }
}
