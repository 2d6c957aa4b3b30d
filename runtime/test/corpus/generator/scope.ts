import type { Rng } from "./rng.ts";
import type { Kind, TableDef } from "./schema.ts";
import type { Expr } from "./tree.ts";

/** A column that an expression may use. */
export interface ScopeColumn {
  readonly alias: string;
  readonly name: string;
  readonly kind: Kind;
}

/** Everything a clause is generated from. */
export interface Scope {
  readonly rng: Rng;
  readonly columns: readonly ScopeColumn[];
  /** Makes a subquery of this kind over the scope's columns; absent where none may stand. */
  readonly subquery?: (scope: Scope, kind: Kind) => Expr;
}

/** What one statement shares: the draws, the tables (with its CTEs) and fresh aliases. */
export class Context {
  readonly rng: Rng;
  readonly tables: readonly TableDef[];
  readonly #names: { next: number };

  constructor(rng: Rng, tables: readonly TableDef[], names: { next: number } = { next: 0 }) {
    this.rng = rng;
    this.tables = tables;
    this.#names = names;
  }

  with(more: readonly TableDef[]): Context {
    return new Context(this.rng, [...this.tables, ...more], this.#names);
  }

  alias(prefix = "t"): string {
    return `${prefix}${this.#names.next++}`;
  }

  /** A table, an empty one seldom. */
  table(): TableDef {
    const full = this.tables.filter((t) => t.rows > 0);
    return this.rng.chance(0.02) ? this.rng.pick(this.tables) : this.rng.pick(full);
  }
}

export function columnsOf(table: TableDef, alias: string): readonly ScopeColumn[] {
  return table.columns.map(({ name, kind }) => ({ alias, name, kind }));
}

export function columnExpr({ alias, name, kind }: ScopeColumn): Expr {
  return { kind, parts: [`${alias}.${name}`], tags: [], column: { alias, name } };
}
