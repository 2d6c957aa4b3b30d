import { checkTree } from "../../core/query/allow/check-tree.ts";
import type { BoundGet, BoundNode } from "../../core/query/bound/bound-plan.ts";
import { withBucketProbe } from "../../core/query/bound/bucket-probe.ts";
import { joinEdges } from "../../core/query/bound/join-edges.ts";
import { type TableNeeds, tableNeeds } from "../../core/query/bound/table-needs.ts";
import type { Catalog } from "../../core/query/catalog.ts";
import {
  assemblePlan,
  type DescribedBlock,
  named,
  wholeQueryExecutor,
} from "../../core/query/plan/assemble.ts";
import { bindValues, type ParameterValue, type QueryValues } from "../../core/query/plan/bind-values.ts";
import type { DistributedPlan } from "../../core/query/plan/distributed-plan.ts";
import { inlineCtes } from "../../core/query/plan/inline-ctes.ts";
import type { Prune } from "../../core/query/plan/prune.ts";
import { type UseEdge, useEdges } from "../../core/query/plan/reductions.ts";
import { type ResolvedStatement, resolveTables, viewsNamedIn } from "../../core/query/plan/resolve.ts";
import { StatementError } from "../../core/query/plan/statement-error.ts";
import { readTables, type TableReads } from "../../core/query/plan/table-reads.ts";
import type { OutputColumn } from "../../core/query/split/block.ts";
import { findBlocks } from "../../core/query/split/find-blocks.ts";
import { propertiesOf } from "../../core/query/split/properties.ts";
import { print } from "../../core/query/tree/print.ts";
import {
  type ParsedStatement,
  readEngineJson,
  readStatements,
  TreeError,
} from "../../core/query/tree/read-tree.ts";
import type { QueryNode, SelectNode, Statement } from "../../core/query/tree/tree.ts";
import { Recent } from "../../core/recent.ts";
import { type Connection, type Database, SqlError } from "../../ports/database.ts";
import { InvalidQueryError } from "../../ports/query-service.ts";
import { keepNames } from "./keep-names.ts";
import { type BoundStatement, describedParts, PlanTemplates } from "./plan-templates.ts";
import { ShadowTables } from "./shadow-tables.ts";

export interface PlannerOptions {
  /** A database of the planner's own: it holds empty tables only, and runs nobody's statements. */
  readonly database: Database;
  readonly prune: Prune;
  /** Plan as if no block could be split: every statement gathers. */
  readonly gatherOnly?: boolean;
  /** Gathered tables of so many rows wait for the join keys of smaller ones (default 20,000). */
  readonly reduceFromRows?: number;
}

export interface PlanRequest {
  readonly sql: string;
  readonly parameters: readonly ParameterValue[];
  readonly nowMicros: bigint;
  readonly catalog: Catalog;
}

/** Turns statements into distributed plans (spec chapter 07, Planning); the engine parses and binds. */
export class QueryPlanner {
  readonly #database: Database;
  readonly #prune: Prune;
  readonly #gatherOnly: boolean;
  readonly #reduceFromRows: number;
  readonly #shadows: ShadowTables;
  readonly #parsed = new Recent<string, ParsedStatement>(500);
  readonly #templates = new PlanTemplates();
  #named: { readonly catalog: Catalog; readonly columns: ReadonlySet<string> } | undefined;

  constructor(options: PlannerOptions) {
    this.#database = options.database;
    this.#prune = options.prune;
    this.#gatherOnly = options.gatherOnly ?? false;
    this.#reduceFromRows = options.reduceFromRows ?? 20_000;
    this.#shadows = new ShadowTables(options.database);
  }

  /**
   * Parse one statement.
   * @throws InvalidQueryError when it is not exactly one SELECT that the lists of nodes and functions allow.
   */
  async parse(sql: string): Promise<ParsedStatement> {
    const known = this.#parsed.get(sql) ?? this.#templates.parse(sql);
    if (known !== undefined) return known;
    const [row] = await this.#database.rows(
      "SELECT CAST(json_serialize_sql($1::VARCHAR) AS VARCHAR) AS tree",
      {
        parameters: [sql],
      },
    );
    const statement = readOne(String(row?.["tree"]));
    const refusal = checkTree(statement.node);
    if (refusal !== undefined) throw invalid(refusal.message, refusal.position);
    this.#parsed.set(sql, statement);
    return statement;
  }

  /**
   * Plan a statement that was parsed.
   * @throws InvalidQueryError when it does not bind; UnassignedPartitionsError when a partition has no holder.
   */
  async plan(parsed: ParsedStatement, request: PlanRequest): Promise<DistributedPlan> {
    try {
      const statement = await this.resolve(parsed, request);
      return await this.#planResolved(statement, parsed, request);
    } catch (error) {
      if (error instanceof StatementError && this.#templates.forget(parsed))
        return this.plan(await this.parse(request.sql), request);
      if (error instanceof StatementError) throw invalid(error.message, error.position, error);
      throw error;
    }
  }

  /** The statement's result columns, without planning it. */
  async columns(parsed: ParsedStatement, request: PlanRequest): Promise<readonly OutputColumn[]> {
    try {
      const statement = await this.resolve(parsed, request);
      const shadows = await this.#shadows.namesFor(statement.uses.map(({ table }) => table));
      const text = print.query(named(statement.node, (use) => shadows[use] ?? ""));
      return await this.#database.withConnection((connection) => describe(connection, text));
    } catch (error) {
      if (error instanceof StatementError) throw invalid(error.message, error.position, error);
      throw error;
    }
  }

  /** The statement with parameters bound, values folded, views expanded and tables found. */
  async resolve(parsed: ParsedStatement, request: PlanRequest): Promise<ResolvedStatement> {
    const { catalog } = request;
    const bind = this.#binder(request);
    const views = await this.#viewTrees(parsed.node, catalog);
    const bound = await keepNames(this.#database, parsed.node, bind(parsed.node, request.parameters));
    const viewTree = (name: string): Statement => {
      const view = views.get(name);
      if (view === undefined) throw new StatementError(`View ${name} was not parsed`);
      return { node: bind(view.node, []) };
    };
    const resolved = resolveTables(bound, catalog, viewTree);
    return { ...resolved, node: inlineCtes(resolved.node) };
  }

  /** Puts values in the place of parameters and of functions with one value per query. */
  #binder({ catalog, nowMicros }: PlanRequest) {
    const columns = this.#columnNames(catalog);
    const values: Omit<QueryValues, "parameters"> = {
      nowMicros,
      catalog: "spice",
      schema: "public",
      user: "spice",
    };
    return <T>(tree: T, parameters: readonly ParameterValue[]) =>
      bindValues(tree, { ...values, parameters }, (name) => columns.has(name));
  }

  /** The names of all columns of all tables, in lower case. */
  #columnNames(catalog: Catalog): ReadonlySet<string> {
    if (this.#named?.catalog === catalog) return this.#named.columns;
    const columns = new Set<string>();
    for (const table of catalog.tables.values()) {
      for (const { name } of table.columns) columns.add(name.toLowerCase());
    }
    this.#named = { catalog, columns };
    return columns;
  }

  async #planResolved(
    statement: ResolvedStatement,
    parsed: ParsedStatement,
    request: PlanRequest,
  ): Promise<DistributedPlan> {
    const { sql } = request;
    const shadows = await this.#shadows.namesFor(statement.uses.map(({ table }) => table));
    const withShadows = (node: QueryNode) => print.query(named(node, (use) => shadows[use] ?? ""));
    return this.#database.withConnection(async (connection) => {
      const text = withShadows(statement.node);
      const known = this.#templates.bound(parsed, statement);
      if (known === undefined) this.#templates.forget(parsed);
      const bound = known ?? (await this.#bind(connection, statement, text, withShadows, shadows));
      const { columns, needs, edges } = bound;
      const prefix = freePrefix(sql, text);
      const reads = readTables(statement.uses, needs, this.#prune, prefix);
      const { volatile } = propertiesOf(statement.node);
      // Where nothing is divided, nothing has to be split.
      const whole = reads.executors.length === 0 || wholeQueryExecutor({ reads, volatile }) !== undefined;
      const columnsOf = async (part: QueryNode) => {
        const key = withShadows(bound.asDescribed(part));
        const found = bound.described.get(key) ?? (await describe(connection, withShadows(part)));
        bound.described.set(key, found);
        return found;
      };
      const found =
        whole || this.#gatherOnly
          ? { blocks: { split: [], gathered: [] }, described: [] }
          : await this.#blocks({ statement, columns, reads, columnsOf });
      const plan = assemblePlan({
        statement,
        columns,
        ...found,
        reads,
        volatile,
        edges,
        reduceFromRows: this.#reduceFromRows,
        prefix,
      });
      if (known === undefined && this.#isLasting(parsed, request))
        this.#templates.learn(sql, parsed, statement, bound);
      return plan;
    });
  }

  /** True for what was parsed from this very text, and has no value that belongs to this query alone. */
  #isLasting(parsed: ParsedStatement, request: PlanRequest): boolean {
    if (request.parameters.length > 0 || this.#parsed.get(request.sql) !== parsed) return false;
    return this.#binder(request)(parsed.node, []) === parsed.node;
  }

  /** What the engine says of the whole statement. */
  async #bind(
    connection: Connection,
    statement: ResolvedStatement,
    text: string,
    withShadows: (node: QueryNode) => string,
    shadows: readonly (readonly [string, string])[],
  ): Promise<BoundStatement> {
    const probed = withBucketProbe(statement.node);
    // Side by side: neither needs the other, and each is a hop to another thread.
    const reading = this.#readPlan(
      probed === statement.node ? text : withShadows(probed),
      statement,
      shadows,
    );
    reading.catch(() => undefined); // awaited below, unless the statement does not bind
    const columns = await describe(connection, text);
    return {
      columns,
      ...(await reading),
      described: new Recent(describedParts),
      asDescribed: (part) => part,
    };
  }

  /** Split blocks whose fragments bind on their own; those that do not are looked at again from further inside. */
  async #blocks(given: {
    readonly statement: ResolvedStatement;
    readonly columns: readonly OutputColumn[];
    readonly reads: TableReads;
    readonly columnsOf: (part: QueryNode) => Promise<readonly OutputColumn[]>;
  }) {
    const { statement, columns, reads, columnsOf } = given;
    const refused = new Map<SelectNode, string>();
    const known = new Map<SelectNode, DescribedBlock>();
    for (;;) {
      const blocks = findBlocks(statement.node, statement.uses, {
        refused,
        disjoint: (use) => reads.uses[use]?.disjoint ?? new Set(),
      });
      let complete = true;
      for (const block of blocks.split) {
        if (known.has(block.node)) continue;
        try {
          const fragment = await columnsOf(block.fragment);
          const output = block.node === statement.node ? columns : await columnsOf(block.node);
          for (const kept of block.kept) await columnsOf(kept);
          const combined = block.combine({ fragment: "f", columns: fragment, output });
          if (combined === undefined) throw invalid("its types need all rows in one place", undefined);
          known.set(block.node, { fragment, output });
        } catch (error) {
          if (!(error instanceof InvalidQueryError)) throw error;
          refused.set(block.node, firstLine(error.message));
          complete = false;
        }
      }
      if (complete) {
        return { blocks, described: blocks.split.map((block) => known.get(block.node) as DescribedBlock) };
      }
    }
  }

  /** What the engine's optimised plan over empty tables says of every use. */
  async #readPlan(
    text: string,
    statement: ResolvedStatement,
    shadows: readonly (readonly [string, string])[],
  ): Promise<{ needs: ReadonlyMap<number, TableNeeds> | undefined; edges: readonly UseEdge[] }> {
    if (statement.uses.length === 0) return { needs: new Map(), edges: [] };
    const rows = await this.#database.rows(
      "SELECT CAST(json_serialize_plan($1::VARCHAR, optimize := true) AS VARCHAR) AS plan",
      { parameters: [text] },
    );
    const json = rows[0]?.["plan"];
    // Some constants have no serialised form; the statement is right all the same.
    if (typeof json !== "string" || json === "") return { needs: undefined, edges: [] };
    const result = readEngineJson(json) as { error: boolean; plans?: readonly BoundNode[] };
    const [plan] = result.plans ?? [];
    if (result.error || plan === undefined) return { needs: undefined, edges: [] };
    const uses = new Map(shadows.map(([, name], index) => [name, index]));
    const shadowOf = ({ function_data: data }: BoundGet) =>
      data?.schema === "shadow" ? data.table : undefined;
    const needs = new Map<number, TableNeeds>();
    for (const [name, found] of tableNeeds(plan, shadowOf)) {
      const use = uses.get(name);
      if (use !== undefined) needs.set(use, found);
    }
    return { needs, edges: useEdges(joinEdges(plan, shadowOf), (name) => uses.get(name)) };
  }

  /** The parsed texts of all views that a statement may read, also through other views. */
  async #viewTrees(node: QueryNode, catalog: Catalog): Promise<ReadonlyMap<string, Statement>> {
    const trees = new Map<string, Statement>();
    const open = [...viewsNamedIn(node, catalog)];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      if (trees.has(name)) continue;
      const tree = await this.parse(catalog.views.get(name) ?? "");
      trees.set(name, tree);
      open.push(...viewsNamedIn(tree.node, catalog));
    }
    return trees;
  }
}

function readOne(json: string): ParsedStatement {
  try {
    const statements = readStatements(json);
    const [statement, second] = statements;
    if (statement === undefined) throw invalid("The statement is empty", undefined);
    if (second !== undefined) throw invalid("Only one statement at a time is allowed", undefined);
    return statement;
  } catch (error) {
    if (!(error instanceof TreeError)) throw error;
    const message =
      error.category === "not implemented"
        ? "Only SELECT, EXPLAIN, SHOW TABLES, DESCRIBE and SUMMARIZE are allowed: this endpoint reads only"
        : error.message;
    throw invalid(message, error.position, error);
  }
}

async function describe(connection: Connection, sql: string): Promise<readonly OutputColumn[]> {
  try {
    return await connection.describe(sql);
  } catch (error) {
    if (error instanceof SqlError) throw invalid(firstLine(error.message), undefined, error);
    throw error;
  }
}

/** The engine's message without the lines that show the place in a text that the user did not write. */
function firstLine(message: string): string {
  return message
    .replace(/\n\nLINE \d+:[\s\S]*$/, "")
    .replaceAll(/shadow\.t\d+_\d+/g, "table")
    .trim();
}

function invalid(message: string, position: number | undefined, cause?: unknown): InvalidQueryError {
  return new InvalidQueryError(message, { ...(position === undefined ? {} : { position }), cause });
}

/** A start for names that occurs in neither text. */
function freePrefix(...texts: readonly string[]): string {
  let prefix = "__";
  while (texts.some((text) => text.includes(`${prefix}fragment_`) || text.includes(`${prefix}scan_`))) {
    prefix = `_${prefix}`;
  }
  return prefix;
}
