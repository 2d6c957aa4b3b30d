import { bucketProbe } from "../../core/query/bound/bucket-probe.ts";
import type { CatalogTable } from "../../core/query/catalog.ts";
import { quoteIdentifier } from "../../core/sql/quote.ts";
import type { Database } from "../../ports/database.ts";

/**
 * What is left of the optimiser when a statement is planned over empty tables: whatever would draw conclusions from
 * their emptiness, reorder, or add nodes between a scan and its filter is off. What moves filters towards scans and
 * finds out which columns are used stays on.
 */
const disabledOptimizers = [
  ..."statistics_propagation empty_result_pullup compressed_materialization column_lifetime".split(" "),
  ..."build_side_probe_side join_order late_materialization join_filter_pushdown reorder_filter top_n".split(
    " ",
  ),
  ..."limit_pushdown common_subplan row_group_pruner sampling_pushdown top_n_window_elimination".split(" "),
  ..."window_self_join duplicate_groups common_aggregate common_subexpressions sum_rewriter".split(" "),
  ..."materialized_cte join_elimination in_clause".split(" "),
].join(",");

const schema = "shadow";

/**
 * Empty tables with the columns of the catalog's tables, in a database of the scheduler. Every reference of a
 * statement gets one of its own, so that the engine's plan tells them apart. They are made once and used again.
 */
export class ShadowTables {
  readonly #database: Pick<Database, "run">;
  readonly #ids = new Map<string, { id: number; copies: number }>();
  #ready: Promise<void> | undefined;
  #creating: Promise<void> = Promise.resolve();
  #next = 0;

  constructor(database: Pick<Database, "run">) {
    this.#database = database;
  }

  /** The names of shadow tables for the uses of one statement, in order: `[schema, table]`. */
  async namesFor(
    tables: readonly Pick<CatalogTable, "columns">[],
  ): Promise<readonly (readonly [string, string])[]> {
    this.#ready ??= this.#prepare().catch((error: unknown) => {
      // The next statement tries again.
      this.#ready = undefined;
      throw error;
    });
    await this.#ready;
    const seen = new Map<number, number>();
    const names: (readonly [string, string])[] = [];
    for (const table of tables) {
      const entry = this.#entry(table);
      const copy = seen.get(entry.id) ?? 0;
      seen.set(entry.id, copy + 1);
      if (copy >= entry.copies) await this.#create(entry, copy, table);
      names.push([schema, tableName(entry.id, copy)]);
    }
    return names;
  }

  #entry(table: Pick<CatalogTable, "columns">): { id: number; copies: number } {
    // Tables with the same columns share their shadows: a shadow has no rows that could differ.
    const key = table.columns.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`).join(", ");
    let entry = this.#ids.get(key);
    if (entry === undefined) {
      entry = { id: this.#next, copies: 0 };
      this.#next += 1;
      this.#ids.set(key, entry);
    }
    return entry;
  }

  async #create(
    entry: { id: number; copies: number },
    copy: number,
    table: Pick<CatalogTable, "columns">,
  ): Promise<void> {
    // No NOT NULL: the engine would draw conclusions from it that do not hold for columns filled with NULL.
    const columns = table.columns.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`);
    const name = `${schema}.${tableName(entry.id, copy)}`;
    const created = this.#creating.then(async () => {
      await this.#database.run(`CREATE TABLE IF NOT EXISTS ${name} (${columns.join(", ")})`);
      entry.copies = Math.max(entry.copies, copy + 1);
    });
    this.#creating = created.catch(() => undefined);
    await created;
  }

  async #prepare(): Promise<void> {
    await this.#database.run(
      `CREATE SCHEMA IF NOT EXISTS ${schema}; ${bucketProbe.macro}; SET GLOBAL disabled_optimizers = '${disabledOptimizers}'`,
    );
  }
}

function tableName(id: number, copy: number): string {
  return `t${id}_${copy}`;
}
