import { JointAbort } from "../../adapters/system/joint-abort.ts";
import type { Catalog } from "../../core/query/catalog.ts";
import { UnassignedPartitionsError } from "../../core/query/plan/choose-holders.ts";
import type { DistributedPlan } from "../../core/query/plan/distributed-plan.ts";
import { explainPlan, type FragmentRun } from "../../core/query/plan/explain.ts";
import { statementKind } from "../../core/query/plan/statement-kind.ts";
import type { ParsedStatement } from "../../core/query/tree/read-tree.ts";
import type { ShowRef } from "../../core/query/tree/tree.ts";
import { Recent } from "../../core/recent.ts";
import { quoteLiteral } from "../../core/sql/quote.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ChunkStream, Database } from "../../ports/database.ts";
import { type Exchange, ExecutorUnavailableError, StalePlanError } from "../../ports/exchange.ts";
import {
  InvalidQueryError,
  type QueryRequest,
  type QueryResult,
  type QueryService,
  type QueryStats,
  QueryUnavailableError,
  type RowStream,
} from "../../ports/query-service.ts";
import type { Random } from "../../ports/random.ts";
import type { SpoolStore } from "../../ports/spool.ts";
import type { Admission, Turn } from "./admission.ts";
import type { ConnectionTools } from "./connection-tools.ts";
import { fragmentCalls } from "./fragment-requests.ts";
import { Metadata } from "./metadata.ts";
import type { QueryPlanner } from "./planner.ts";
import { ReassignWait } from "./reassign-wait.ts";
import { type RunTools, startPlan } from "./running-query.ts";
import { translateError } from "./translate-error.ts";
import { withoutExecutors } from "./without-executors.ts";

export interface QueryServiceOptions {
  /** The newest catalog: asked once per attempt to plan. */
  readonly catalog: () => Catalog;
  readonly planner: QueryPlanner;
  /** Runs final statements; its memory limit and spilling bound what a query may use here. */
  readonly database: Database;
  readonly exchange: Exchange;
  readonly spools: SpoolStore;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds that a query has when its request says nothing. */
  readonly defaultTimeoutMs: number;
  /** Milliseconds to wait for another holder when one is gone, within the query's time. */
  readonly reassignWaitMs: number;
}

/** The query's time was over (spec chapter 07, Limits). */
export class QueryTimeoutError extends QueryUnavailableError {}

const maxCachedPartitions = 1000;

/** Plans that a query makes when holders answer that they know a newer assignment. */
const maxReplans = 3;

/** Plans statements, runs their fragments on executors, and gives the rows as a stream. */
export class DistributedQueryService implements QueryService {
  readonly #options: QueryServiceOptions;
  readonly #metadata = new Metadata();
  readonly #plans = new Recent<string, { readonly catalog: Catalog; readonly plan: DistributedPlan }>(200);

  constructor(options: QueryServiceOptions) {
    this.#options = options;
  }

  async query(request: QueryRequest): Promise<QueryResult> {
    const run = new QueryRun(this.#options, request);
    try {
      run.turn = await this.#options.admission.enter(run.signal);
      const stream = await this.#start(run, request);
      return run.result(stream);
    } catch (error) {
      // Before the close: it aborts the run, and then every error would look like that.
      const failure = translateError(error, run.signal);
      await run.close();
      throw failure;
    }
  }

  async #start(run: QueryRun, request: QueryRequest): Promise<RowStream> {
    const kind = statementKind(request.sql);
    const planned = { ...request, sql: kind.sql };
    const parsed = await this.#parse(kind.sql, kind.offset);
    const show = showOf(parsed);
    if (show !== undefined && kind.explain === "no") return this.#show(run, parsed, show, planned);
    if (kind.explain === "no") return this.#attempt(run, parsed, planned);
    if (show !== undefined) throw new InvalidQueryError("EXPLAIN takes a SELECT");
    if (kind.explain === "plan") {
      const plan = await this.#plan(run, parsed, planned, this.#options.catalog());
      return this.#explain(run, plan, []);
    }
    const stream = await this.#attempt(run, parsed, { ...planned, recordBatches: false });
    for await (const chunk of stream.chunks) void chunk.rowCount;
    if (run.plan === undefined) throw new InvalidQueryError("EXPLAIN ANALYZE takes a SELECT over tables");
    return this.#explain(run, run.plan, run.runs);
  }

  async #parse(sql: string, offset: number): Promise<ParsedStatement> {
    try {
      return await this.#options.planner.parse(sql);
    } catch (error) {
      if (offset === 0 || !(error instanceof InvalidQueryError) || error.position === undefined) throw error;
      throw new InvalidQueryError(error.message, { position: error.position + offset, cause: error });
    }
  }

  /** Plan and start, again where holders changed or went away, until the first row is there. */
  async #attempt(
    run: QueryRun,
    parsed: ParsedStatement,
    request: QueryRequest,
    wrap?: (sql: string) => string,
  ): Promise<RowStream> {
    const lost = new Set<string>();
    let replans = 0;
    const { clock } = this.#options;
    const wait = new ReassignWait(this.#options.reassignWaitMs);
    for (;;) {
      const began = clock.monotonicMs();
      try {
        const catalog = withoutExecutors(this.#options.catalog(), lost);
        if (this.#metadata.answers(parsed.node)) {
          run.stats.strategy = "local";
          return await this.#metadata.query(parsed, catalog, run.connectionTools());
        }
        const plan = await this.#plan(run, parsed, request, catalog);
        const calls = fragmentCalls(plan, {
          id: run.id,
          deadlineMs: run.remainingMs(),
          trace: run.trace,
          // What SUMMARIZE is wrapped around takes no parameters.
          inline: wrap === undefined,
          recordBatches: wrap === undefined && request.recordBatches === true,
        });
        return await startPlan(plan, calls, await run.tools(), run.signal, wrap);
      } catch (error) {
        run.signal.throwIfAborted();
        await run.restart();
        if (error instanceof StalePlanError && replans < maxReplans) {
          replans += 1;
          // The holder may be about to hear of the assignment that the plan stands on, or be opening the table anew.
          await clock.sleep(50 * 6 ** (replans - 1), run.signal);
        } else if (error instanceof ExecutorUnavailableError) {
          wait.lost(began, clock.monotonicMs());
          lost.add(error.executor);
        } else if (error instanceof UnassignedPartitionsError && (lost.size > 0 || error.awaited)) {
          // Nobody else has it now: wait until it is assigned anew, or the executor is back. This scheduler may have
          // heard of the loss before the query did, or be so new that not all executors have told it what they have.
          if (lost.size === 0) wait.lost(began, clock.monotonicMs());
          if (wait.isOver(clock.monotonicMs())) throw error;
          lost.clear();
          // Others need not wait for it.
          const pauseMs = 100 + 100 * this.#options.random.next();
          await run.turn?.standAside(() => clock.sleep(pauseMs, run.signal), run.signal);
        } else {
          throw error;
        }
      }
    }
  }

  async #plan(
    run: QueryRun,
    parsed: ParsedStatement,
    request: QueryRequest,
    catalog: Catalog,
  ): Promise<DistributedPlan> {
    const began = this.#options.clock.monotonicMs();
    // A plan holds values of its query only when the statement asks for some.
    const reusable =
      (request.parameters ?? []).length === 0 && !/now|current|today|time|ago|user/i.test(request.sql);
    const known = reusable ? this.#plans.get(request.sql) : undefined;
    const plan =
      known !== undefined && known.catalog === catalog
        ? known.plan
        : await this.#options.planner.plan(parsed, {
            sql: request.sql,
            parameters: request.parameters ?? [],
            nowMicros: run.nowMicros,
            catalog,
          });
    // Plans over very many partitions are large, and their planning is small against their run.
    if (reusable && plan.partitionsRead <= maxCachedPartitions)
      this.#plans.set(request.sql, { catalog, plan });
    run.planned(plan, this.#options.clock.monotonicMs() - began);
    return plan;
  }

  async #show(
    run: QueryRun,
    parsed: ParsedStatement,
    show: ShowRef,
    request: QueryRequest,
  ): Promise<ChunkStream> {
    const catalog = this.#options.catalog();
    if (show.show_type === "SUMMARY" && show.query !== null) {
      const inner: ParsedStatement = { ...parsed, node: show.query };
      return this.#attempt(run, inner, request, (sql) => `SUMMARIZE ${sql}`);
    }
    run.stats.strategy = "local";
    if (show.query === null) return this.#metadata.showTables(show, catalog, run.connectionTools());
    const plan = await this.#options.planner.columns(
      { ...parsed, node: show.query },
      { sql: request.sql, parameters: request.parameters ?? [], nowMicros: run.nowMicros, catalog },
    );
    const rows = plan.map(
      ({ name, type }) =>
        `(${quoteLiteral(name)}, ${quoteLiteral(type)}, 'YES', CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR))`,
    );
    return run
      .connectionTools()
      .stream(
        `SELECT * FROM (VALUES ${rows.join(", ")}) AS d(column_name, column_type, "null", "key", "default", "extra")`,
      );
  }

  async #explain(run: QueryRun, plan: DistributedPlan, runs: readonly FragmentRun[]): Promise<ChunkStream> {
    const rows = explainPlan(plan, runs).map(
      ({ part, detail }) => `(${quoteLiteral(part)}, ${quoteLiteral(detail)})`,
    );
    return run.connectionTools().stream(`SELECT * FROM (VALUES ${rows.join(", ")}) AS e(part, detail)`);
  }
}

/** One query from its request to its last row: its time, its resources, its numbers. */
class QueryRun {
  readonly id: string;
  readonly trace: string;
  readonly signal: AbortSignal;
  readonly nowMicros: bigint;
  readonly runs: FragmentRun[] = [];
  readonly stats: QueryStats = {
    strategy: "",
    executors: [],
    partitionsTotal: 0,
    partitionsRead: 0,
    fetchedBytes: 0,
    fetchedRows: 0,
    planningMs: 0,
  };
  plan: DistributedPlan | undefined;
  /** Once it was let in; ends with the query. */
  turn: Turn | undefined;
  readonly #options: QueryServiceOptions;
  readonly #deadline: number;
  readonly #ended = new AbortController();
  readonly #joint = new JointAbort();
  /** What belongs to the current attempt alone. */
  #attempt: (() => unknown)[] = [];
  #closed: Promise<void> | undefined;

  constructor(options: QueryServiceOptions, request: QueryRequest) {
    this.#options = options;
    this.id = options.random.uuid();
    const hex = this.id.replaceAll("-", "");
    this.trace = `00-${hex}-${hex.slice(0, 16)}-01`;
    this.nowMicros = BigInt(options.clock.wallMs()) * 1000n;
    const timeoutMs = request.timeoutMs ?? options.defaultTimeoutMs;
    this.#deadline = options.clock.monotonicMs() + timeoutMs;
    options.clock.sleep(timeoutMs, this.#ended.signal).then(
      () => this.#joint.abort(new QueryTimeoutError(`The query did not finish within ${timeoutMs} ms`)),
      () => undefined,
    );
    this.#joint.follow(request.signal);
    this.signal = this.#joint.signal;
  }

  remainingMs(): number {
    return Math.max(0, Math.round(this.#deadline - this.#options.clock.monotonicMs()));
  }

  planned(plan: DistributedPlan, planningMs: number): void {
    this.plan = plan;
    this.stats.strategy = plan.strategy;
    this.stats.executors = [...plan.executors];
    this.stats.partitionsTotal = plan.partitionsTotal;
    this.stats.partitionsRead = plan.partitionsRead;
    this.stats.planningMs += planningMs;
  }

  async tools(): Promise<RunTools> {
    const spool = await this.#options.spools.open(this.id);
    this.#attempt.push(() => spool.close());
    return {
      database: this.#options.database,
      exchange: this.#options.exchange,
      spool,
      counters: this.stats,
      runs: this.runs,
      cleanup: this.#attempt,
    };
  }

  connectionTools(): ConnectionTools {
    return {
      stream: async (sql) => {
        const connection = await this.#options.database.acquire();
        this.#attempt.push(() => connection.release());
        return connection.stream(sql, { signal: this.signal });
      },
    };
  }

  /** Give back what an attempt held that brought no row. */
  async restart(): Promise<void> {
    await endAll(this.#attempt);
    this.runs.length = 0;
  }

  result({ columns, chunks, batches }: RowStream): QueryResult {
    return {
      queryId: this.id,
      stats: this.stats,
      columns,
      chunks: this.#guarded(chunks),
      ...(batches === undefined ? {} : { batches: this.#guarded(batches) }),
      close: () => this.close(),
    };
  }

  /** Rows until the query's end, whichever way it ends. */
  async *#guarded<T>(rows: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    try {
      for await (const piece of rows) {
        this.signal.throwIfAborted();
        yield piece;
      }
    } catch (error) {
      throw translateError(error, this.signal);
    } finally {
      await this.close();
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    const closed = new Error("The query was closed");
    this.#ended.abort(closed);
    this.#joint.abort(closed);
    try {
      await endAll(this.#attempt);
    } finally {
      this.turn?.end();
    }
  }
}

/** Run all tasks, last one first, also when some of them fail; then throw the first failure. */
async function endAll(tasks: (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const task of tasks.splice(0).reverse()) {
    try {
      await task();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

function showOf(parsed: ParsedStatement): ShowRef | undefined {
  const { node } = parsed;
  return node.type === "SELECT_NODE" && node.from_table.type === "SHOW_REF" ? node.from_table : undefined;
}
