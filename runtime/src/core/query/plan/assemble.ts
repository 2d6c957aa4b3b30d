import { quoteIdentifier } from "../../sql/quote.ts";
import { filterSql } from "../bound/filter-sql.ts";
import type { TableNeeds } from "../bound/table-needs.ts";
import type { Block, OutputColumn } from "../split/block.ts";
import type { FoundBlocks } from "../split/find-blocks.ts";
import { positional } from "../split/rows.ts";
import { isBaseTable } from "../tree/is-node.ts";
import { print } from "../tree/print.ts";
import type { QueryNode, SelectNode } from "../tree/tree.ts";
import { rewrite, walk } from "../tree/walk.ts";
import type {
  DistributedPlan,
  FragmentReduction,
  FragmentTarget,
  PlannedFragment,
  Strategy,
} from "./distributed-plan.ts";
import { chooseReductions, type Reduction, type UseEdge } from "./reductions.ts";
import type { ResolvedStatement } from "./resolve.ts";
import type { TableReads, UseRead } from "./table-reads.ts";

/** Everything that the planner found out about a statement before it decides. */
export interface Analysis {
  readonly statement: ResolvedStatement;
  /** Result columns of the whole statement. */
  readonly columns: readonly OutputColumn[];
  readonly blocks: FoundBlocks;
  /** What the engine said of each split block, in the order of `blocks.split`. */
  readonly described: readonly DescribedBlock[];
  /** What is read of which table, and where. */
  readonly reads: TableReads;
  /** True when a volatile function ties the whole statement to the scheduler. */
  readonly volatile: boolean;
  /** Equality joins between uses, as far as they are known. */
  readonly edges: readonly UseEdge[];
  /** Tables with fewer rows are fetched without waiting for the keys of others. */
  readonly reduceFromRows: number;
  /** Starts every name that the planner makes; occurs nowhere in the statement. */
  readonly prefix: string;
}

export interface DescribedBlock {
  readonly fragment: readonly OutputColumn[];
  readonly output: readonly OutputColumn[];
}

/**
 * Decide how a statement is answered: what runs on the executors that have its rows, and what the scheduler does with
 * the results (spec chapter 07, Planning).
 */
export function assemblePlan(analysis: Analysis): DistributedPlan {
  const { reads } = analysis;
  const shared = {
    tables: reads.uses.map((read) => read.summary),
    columns: analysis.columns,
    executors: reads.executors,
    partitionsTotal: reads.partitionsTotal,
    partitionsRead: reads.partitionsRead,
  };
  if (reads.executors.length === 0) return { ...shared, ...new Composer(analysis, []).compose("local") };
  const only = wholeQueryExecutor(analysis);
  if (only !== undefined) return { ...shared, ...wholeQuery(analysis, only) };
  return { ...shared, ...new Composer(analysis, analysis.blocks.split).compose() };
}

/** The executor that can answer alone: it has every needed partition, and nothing ties the query to the scheduler. */
export function wholeQueryExecutor({
  reads,
  volatile,
}: Pick<Analysis, "reads" | "volatile">): string | undefined {
  return reads.executors.length === 1 && !volatile ? reads.executors[0] : undefined;
}

type Decided = Pick<DistributedPlan, "strategy" | "blocks" | "fragments" | "final">;

function wholeQuery(analysis: Analysis, executor: string): Decided {
  const reads = analysis.reads.uses;
  const columns = positional(analysis.columns);
  const fragment: PlannedFragment = {
    id: "f0",
    relation: `${analysis.prefix}fragment_0`,
    sql: print.query(named(analysis.statement.node, (use) => reads[use]?.scanName ?? "")),
    columns,
    targets: [{ executor, scans: reads.map((read) => read.scanOn(executor)) }],
    relationColumns: analysis.columns.map(({ name, type }, source) => ({ name, type, source })),
    strategy: "whole-query",
  };
  return {
    strategy: "whole-query",
    blocks: [{ strategy: "whole-query", reason: `one executor has every needed partition: ${executor}` }],
    fragments: [fragment],
    final: { kind: "pass-through", fragment: 0 },
  };
}

/** The tree with references to catalog tables under the names that they have where the text runs. */
export function named<T>(tree: T, nameOf: (use: number) => string | readonly [string, string]): T {
  return rewrite(tree, (object) => {
    if (!isBaseTable(object) || object.use === undefined) return undefined;
    const { use, ...ref } = object;
    const name = nameOf(use);
    const [schema, table] = typeof name === "string" ? ["", name] : name;
    return { ...ref, catalog_name: "", schema_name: schema, table_name: table };
  });
}

/** Writes the fragments of blocks and gathered tables, and the statement over them. */
class Composer {
  readonly #analysis: Analysis;
  readonly #reads: readonly UseRead[];
  readonly #split: readonly Block[];
  readonly #fragments: PlannedFragment[] = [];
  readonly #blocks: { strategy: Strategy; reason: string }[] = [];
  readonly #replaced = new Map<unknown, QueryNode>();
  /** Gathered uses with equal fragments share one. */
  readonly #gathers = new Map<string, string>();

  constructor(analysis: Analysis, split: readonly Block[]) {
    this.#analysis = analysis;
    this.#reads = analysis.reads.uses;
    this.#split = split;
  }

  compose(strategy?: Strategy): Decided {
    const covered = new Set<number>();
    let passThrough = false;
    for (const block of this.#split) {
      const index = this.#analysis.blocks.split.indexOf(block);
      const described = this.#analysis.described[index];
      if (described === undefined || !this.#addBlock(block, described)) continue;
      for (const use of block.uses) covered.add(use);
      passThrough ||= this.#passesThrough(block);
    }
    const rest = this.#reads.filter(({ use }) => !covered.has(use.index));
    for (const { node, reason } of this.#analysis.blocks.gathered) {
      // Over the results of other blocks nothing is fetched for its own sake.
      const gathers = usesIn(node).some((use) => !covered.has(use));
      this.#blocks.push({ strategy: gathers ? "gather" : "local", reason });
    }
    if (
      rest.length > 0 &&
      this.#blocks.every((block) => block.strategy !== "gather") &&
      strategy === undefined
    ) {
      this.#blocks.push({ strategy: "gather", reason: "needed rows and columns are fetched" });
    }
    const relations = this.#gatherAll(rest);
    const fetching = this.#blocks.map((block) => block.strategy).filter((name) => name !== "local");
    const strategies = strategy ?? [...new Set(fetching)].sort().join("+");
    if (passThrough && this.#fragments.length === 1) {
      return {
        strategy: strategies,
        blocks: this.#blocks,
        fragments: this.#fragments.map((fragment) => ({
          ...fragment,
          relationColumns: this.#analysis.columns.map(({ name, type }, source) => ({ name, type, source })),
        })),
        final: { kind: "pass-through", fragment: 0 },
      };
    }
    const replaced = this.#replace(this.#analysis.statement.node);
    const final = named(replaced, (use) => relations.get(use) ?? "");
    return {
      strategy: strategies,
      blocks: strategy === undefined ? this.#blocks : [{ strategy, reason: "it needs no row of any table" }],
      fragments: this.#fragments,
      final: { kind: "statement", sql: print.query(final) },
    };
  }

  #passesThrough(block: Block): boolean {
    return block.passThrough && block.node === this.#analysis.statement.node;
  }

  #replace<T>(tree: T): T {
    return rewrite(tree, (object) => {
      const node = this.#replaced.get(object);
      return node === undefined ? undefined : this.#replace(node);
    });
  }

  /** False when the block's types do not allow the split: its tables are gathered then. */
  #addBlock(block: Block, described: DescribedBlock): boolean {
    const relation = `${this.#analysis.prefix}fragment_${this.#fragments.length}`;
    const isRows = block.strategy !== "split-aggregation";
    const columns = isRows ? positional(described.fragment) : described.fragment;
    const combined = block.combine({ fragment: relation, columns, output: described.output });
    if (combined === undefined) return false;
    const [firstUse] = block.uses;
    const { ungrouped } = block;
    this.#fragments.push({
      id: `f${this.#fragments.length}`,
      relation,
      sql: this.#print(block, block.fragment),
      columns,
      ...(ungrouped === undefined || firstUse === undefined
        ? {}
        : {
            ungrouped: {
              sql: this.#print(block, ungrouped.statement(columns.map(({ type }) => type))),
              keys: ungrouped.keys,
              scan: this.#reads[firstUse]?.scanName ?? "",
            },
          }),
      targets: this.#targets(block.uses),
      relationColumns: columns.map(({ name, type }, source) => ({ name, type, source })),
      strategy: block.strategy,
    });
    this.#replaced.set(block.node, combined);
    this.#blocks.push({ strategy: block.strategy, reason: block.reason });
    return true;
  }

  /**
   * A block without a filter of its own may have one from outside, which the engine would push into its scan: then
   * its scan is read through that filter.
   */
  #print(block: Block, node: SelectNode): string {
    const filters = new Map<string, string>();
    const text = print.query(
      named(node, (use) => {
        const read = this.#reads[use] as UseRead;
        const where = this.#outerFilter(block, read);
        if (where === "") return read.scanName;
        const name = `${read.scanName}_filtered`;
        filters.set(name, `(SELECT * FROM ${quoteIdentifier(read.scanName)}${where})`);
        return name;
      }),
    );
    return [...filters].reduce(
      (sql, [name, query]) => sql.replaceAll(quoteIdentifier(name), () => query),
      text,
    );
  }

  #outerFilter(block: Block, { use, needs }: UseRead): string {
    if (block.node === this.#analysis.statement.node || hasFilter(block.fragment)) return "";
    return whereSql(
      needs,
      use.table.columns.map(({ name }) => name),
    );
  }

  #targets(uses: readonly number[]): readonly FragmentTarget[] {
    const reads = uses.map((use) => this.#reads[use] as UseRead);
    const executors = [...new Set(reads.flatMap((read) => read.executors))].sort();
    return executors.map((executor) => ({ executor, scans: reads.map((read) => read.scanOn(executor)) }));
  }

  /** Fetch what is needed of uses, those first whose keys reduce others; gives the relation of each. */
  #gatherAll(rest: readonly UseRead[]): Map<number, string> {
    const reductions = chooseReductions(this.#analysis.edges, rest, this.#analysis.reduceFromRows);
    const relations = new Map<number, string>();
    const open = [...rest];
    while (open.length > 0) {
      // Sources are much smaller than their targets, so somebody is always ready.
      const ready = open.findIndex(({ use }) =>
        reductions.every(({ target, source }) => target !== use.index || relations.has(source)),
      );
      const [read] = open.splice(Math.max(ready, 0), 1);
      if (read === undefined) break;
      const { index } = read.use;
      const by = reductions.filter(({ target }) => target === index);
      relations.set(
        index,
        this.#gather(
          read,
          by.map((reduction) => this.#reducedBy(read, reduction, relations)),
        ),
      );
    }
    return relations;
  }

  #reducedBy(read: UseRead, reduction: Reduction, relations: ReadonlyMap<number, string>): FragmentReduction {
    const source = this.#reads[reduction.source] as UseRead;
    const fragment = this.#fragments.find(({ relation }) => relation === relations.get(reduction.source));
    const column = read.use.table.columns[reduction.targetColumn];
    return {
      column: quoteIdentifier(column?.name ?? ""),
      type: column?.type ?? "",
      fragment: fragment?.id ?? "",
      position: source.needs.columns.indexOf(reduction.sourceColumn),
    };
  }

  /** Fetch what is needed of one use; gives the name of its relation. */
  #gather(read: UseRead, reducedBy: readonly FragmentReduction[]): string {
    const { needs } = read;
    const { table, index } = read.use;
    const names = table.columns.map(({ name }) => name);
    const columns = needs.columns.map((i) => table.columns[i] as OutputColumn);
    // A fragment has one column at least; of a bare count only the number of rows matters.
    const list = columns.length === 0 ? ["true"] : columns.map(({ name }) => quoteIdentifier(name));
    const where = whereSql(needs, names);
    const targets = this.#targets([index]);
    const partitions = targets.map(({ executor, scans }) => [
      executor,
      scans[0]?.partitions.map(({ key }) => key),
    ]);
    const text = `${list.join(", ")} FROM ${table.fullName}${where} ${JSON.stringify([partitions, reducedBy])}`;
    const same = this.#gathers.get(text);
    if (same !== undefined) return same;
    const relation = `${this.#analysis.prefix}fragment_${this.#fragments.length}`;
    this.#gathers.set(text, relation);
    const position = new Map(needs.columns.map((column, i) => [column, i]));
    this.#fragments.push({
      id: `f${this.#fragments.length}`,
      relation,
      sql: `SELECT ${list.join(", ")} FROM ${quoteIdentifier(read.scanName)}${where}`,
      columns:
        columns.length === 0
          ? [{ name: "c0", type: "BOOLEAN" }]
          : columns.map(({ type }, i) => ({ name: `c${i}`, type })),
      targets,
      relationColumns: table.columns.map(({ name, type }, i) => {
        const source = position.get(i);
        return source === undefined ? { name, type } : { name, type, source };
      }),
      strategy: "gather",
      ...(reducedBy.length === 0 ? {} : { reducedBy }),
    });
    return relation;
  }
}

function usesIn(node: unknown): readonly number[] {
  const uses: number[] = [];
  walk(node, (object) => {
    if (typeof object["use"] === "number") uses.push(object["use"]);
    return true;
  });
  return uses;
}

function hasFilter(node: SelectNode): boolean {
  let found = false;
  walk(node, (object) => {
    if (object["type"] === "SELECT_NODE" && object["where_clause"] !== null) found = true;
    return !found;
  });
  return found;
}

/** The rows that any of the scans needs, as a WHERE clause. */
function whereSql(needs: TableNeeds, columns: readonly string[]): string {
  const scans = needs.filters.map((filters) =>
    filters
      .filter(({ implied }) => !implied)
      .map(({ filter }) => filterSql(filter, columns))
      .filter((sql) => sql !== undefined),
  );
  if (scans.length === 0 || scans.some((conjuncts) => conjuncts.length === 0)) return "";
  const texts = [...new Set(scans.map((conjuncts) => conjuncts.join(" AND ")))];
  return texts.length === 1 ? ` WHERE ${texts[0]}` : ` WHERE (${texts.join(") OR (")})`;
}
