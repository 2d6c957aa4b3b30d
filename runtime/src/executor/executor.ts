import { type ChannelCredentials, type Server, status } from "@grpc/grpc-js";
import type {
  AllocateInitialPartitionsResponse,
  DrainResponse,
  GetSchedulersResponse,
  SchedulerInstance,
} from "@spice-shards/proto";
import { callAnyNode, callNode } from "../adapters/cluster/call-node.ts";
import type { AcceleratorRegistry } from "../adapters/engine/registry.ts";
import type { CopyPartitionCall } from "../adapters/exchange/copy/copy-partition-server.ts";
import { LocalFragmentRunner } from "../adapters/exchange/fragment-runner.ts";
import { addExchangeService, type ExchangeServerOptions } from "../adapters/exchange/grpc/grpc-server.ts";
import type { Fingerprints } from "../adapters/tls/fingerprints.ts";
import type { App, AppTable } from "../core/app/app.ts";
import { sameTable } from "../core/app/same-table.ts";
import { sameExpressions } from "../core/cluster/assignment/changed-partitioning.ts";
import type { AppReference } from "../core/cluster/document/document.ts";
import type { TableAssignment } from "../core/cluster/membership/messages.ts";
import { parseRefreshCommand } from "../core/refresh/refresh-command.ts";
import { messageOf } from "../core/text/message-of.ts";
import type { Logger } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Clock } from "../ports/clock.ts";
import type { Database } from "../ports/database.ts";
import {
  ExecutorUnavailableError,
  type FragmentRequest,
  type FragmentResult,
  type FragmentRunner,
} from "../ports/exchange.ts";
import type { PartitionCopySource } from "../ports/partition-copy.ts";
import type { Random } from "../ports/random.ts";
import type { Source } from "../ports/source.ts";
import { ExecutorAgent } from "./agent.ts";
import { copySource, openCopyMeans } from "./copy-means.ts";
import { handOver } from "./hand-over.ts";
import { LastFragments } from "./last-fragments.ts";
import { ExecutorPartitionStore } from "./storage/partition-store.ts";
import type { TableHolder } from "./table-holder.ts";
import { tableHolder } from "./table-holder-of.ts";
import { assignmentFromWire } from "./wire.ts";

export interface ExecutorOptions {
  readonly executorId: string;
  readonly advertiseAddress: string;
  readonly buildVersion: string;
  /** `host:port` of the scheduler to start from. */
  readonly bootstrap: string;
  readonly app: App;
  readonly dataDir: string;
  readonly scratchDir: string;
  readonly database: Database;
  readonly registry: AcceleratorRegistry;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** The certificates of this node that are in force; undefined without mTLS. */
  certificates(): Fingerprints | undefined;
  /** Credentials of a new channel to a scheduler. */
  readonly credentials: () => ChannelCredentials;
  /** Credentials of a new channel to another executor. */
  readonly peerCredentials: () => ChannelCredentials;
  /** Open the source of a dataset, with its secrets resolved. */
  source(table: AppTable, signal: AbortSignal): Promise<Source>;
  /** The spicepod in force, at this generation or a later one. */
  fetchApp(generation: number, signal: AbortSignal): Promise<App>;
  /** Another instance took the id. */
  onReplaced(reason: string): void;
}

/** Where other nodes reach an executor's fragments. */
export interface ExchangeServer {
  readonly server: Server;
  /** Throws when the caller may not make this call in one of `roles`. */
  authorize(
    call: Parameters<ExchangeServerOptions["authorize"]>[0] | CopyPartitionCall,
    roles: readonly ("scheduler" | "executor")[],
  ): void;
}

/** An executor's part in the cluster: it owns partitions, keeps them fresh, and runs fragments over them. */
export class Executor {
  readonly agent: ExecutorAgent;
  readonly holders = new Map<string, TableHolder>();
  readonly #running = new Map<string, { readonly table: AppTable; stop(): Promise<void> }>();
  readonly #options: ExecutorOptions;
  readonly #store: ExecutorPartitionStore;
  readonly #runner: LocalFragmentRunner;
  readonly #copies: ReturnType<typeof openCopyMeans>;
  readonly #stop = new AbortController();
  readonly #loops = new Set<Promise<void>>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #lastFragments: LastFragments;
  /** Spicepods are taken over one after another. */
  #following: Promise<void> = Promise.resolve();
  #accepting = true;
  #app: App;
  #notice: string | undefined;

  private constructor(options: ExecutorOptions, runner: LocalFragmentRunner, store: ExecutorPartitionStore) {
    this.#options = options;
    this.#runner = runner;
    this.#store = store;
    this.#lastFragments = new LastFragments(options.clock);
    const { peerCredentials: credentials, scratchDir, metrics } = options;
    this.#copies = openCopyMeans({ credentials, scratchDir, metrics });
    this.agent = new ExecutorAgent({
      executorId: options.executorId,
      instanceId: options.random.uuid(),
      advertiseAddress: options.advertiseAddress,
      buildVersion: options.buildVersion,
      lostAfterMs: options.app.scheduler.executorLostAfter,
      credentials: options.credentials,
      certificates: () => options.certificates(),
      clock: options.clock,
      random: options.random,
      log: options.log,
      host: {
        hold: (assignment) => this.#hold(assignment),
        refresh: (table, requestId, overrides) => this.#refresh(table, requestId, overrides),
        appChanged: (app) => {
          this.#following = this.#following.then(() => this.#follow(app));
          this.#keep(this.#following);
        },
        replaced: (reason) => options.onReplaced(reason),
        connections: (count) => options.metrics.gauge("executor_scheduler_active_connections").set(count),
      },
      schedulers: (signal) => this.#schedulers(signal),
      allocate: (scheduler, signal) => this.#allocate(scheduler, signal),
    });
    this.#app = options.app;
    this.agent.session.follow({ generation: options.app.generation, sha256: options.app.sha256 });
  }

  static async start(options: ExecutorOptions, server?: ExchangeServer): Promise<Executor> {
    const store = new ExecutorPartitionStore();
    const runner = await LocalFragmentRunner.open({
      database: options.database,
      partitions: store,
      directory: options.scratchDir,
      clock: options.clock,
    });
    const executor = new Executor(options, runner, store);
    if (server !== undefined) {
      const runner = executor.guardedRunner();
      addExchangeService(server.server, {
        runner,
        authorize: (call) => server.authorize(call, ["scheduler"]),
        copies: {
          source: executor.#copySource(runner),
          authorize: (call) => server.authorize(call, ["executor"]),
        },
      });
    }
    for (const table of options.app.tables) executor.#addTable(table);
    executor.#keep(executor.agent.run(executor.#stop.signal));
    return executor;
  }

  /** Runs fragments only while this executor has its read lease and is not shutting down. */
  guardedRunner(): FragmentRunner {
    const { metrics, clock, executorId } = this.#options;
    return {
      run: (request: FragmentRequest, signal: AbortSignal): FragmentResult => {
        if (!this.#accepting || !this.agent.mayServe()) {
          const why = this.#accepting
            ? "it has no confirmation from a scheduler that it still owns its partitions"
            : "it is shutting down";
          throw new ExecutorUnavailableError(
            executorId,
            `Executor ${executorId} refuses the fragment: ${why}`,
          );
        }
        const started = clock.monotonicMs();
        this.#lastFragments.arrived();
        metrics.gauge("executor_tasks_active").inc();
        metrics.gauge("node_tasks_active").inc();
        const result = this.#runner.run(request, signal);
        const end = (status: "ok" | "failed") => {
          metrics.gauge("executor_tasks_active").dec();
          metrics.gauge("node_tasks_active").dec();
          metrics.counter("executor_tasks_total").inc();
          metrics.counter("node_tasks_total").inc({ status });
          if (status === "failed") metrics.counter("executor_task_failures").inc();
          metrics.histogram("executor_task_duration_ms").observe(clock.monotonicMs() - started);
        };
        const task = result.stats.then(
          () => end("ok"),
          () => end("failed"),
        );
        this.#tasks.add(task);
        void task.then(() => this.#tasks.delete(task));
        return result;
      },
    };
  }

  #copySource(runner: FragmentRunner): PartitionCopySource {
    return copySource({
      store: this.#store,
      runner,
      executorId: this.#options.executorId,
      mayServe: () => this.agent.mayServe(),
      refreshedAtMs: (table, key) => this.holders.get(table)?.refreshedAtMs(key) ?? 0,
    });
  }

  /** Why this executor does not run the spicepod in force; undefined when it does. */
  get notice(): string | undefined {
    return this.#notice;
  }

  /** Before {@link stop}: others take over what this executor owns, for `withinMs` at most, and it serves meanwhile. */
  leave(withinMs: number): Promise<void> {
    const { clock, log, credentials, executorId } = this.#options;
    const request = { executorId, instanceId: this.agent.instanceId, deadlineMs: 1_000 };
    const ask = (signal: AbortSignal) =>
      callAnyNode<DrainResponse>(this.#knownSchedulers(), credentials, signal, (client, done) =>
        client.leave(request, done),
      );
    return handOver({ ask, clock, log }, withinMs);
  }

  #knownSchedulers(): readonly string[] {
    return [...this.agent.schedulerAddresses, this.#options.bootstrap];
  }

  /**
   * Take the last fragments of queries that are under way, let them finish within `graceMs`, then end refreshes and
   * links, and close the storage.
   */
  async stop(graceMs: number): Promise<void> {
    const { clock } = this.#options;
    const until = clock.monotonicMs() + graceMs;
    await this.#lastFragments.over(graceMs);
    this.#accepting = false;
    const limit = new AbortController();
    const finished = Promise.all(this.#tasks).then(() => limit.abort());
    // Ended early by the abort when all have finished.
    await clock.sleep(Math.max(0, until - clock.monotonicMs()), limit.signal).catch(() => undefined);
    void finished;
    this.#stop.abort(new Error("The executor is stopping"));
    // Tables close when nobody reads them any more.
    await this.#runner.stopAll();
    await Promise.allSettled(this.#loops);
    this.#copies.close();
    await this.#runner.close();
  }

  /** The spicepod that this executor runs. */
  get app(): App {
    return this.#app;
  }

  /** Take over a newer spicepod: tables that it changes start anew, the others go on undisturbed. */
  async #follow({ generation }: AppReference): Promise<void> {
    if (generation <= this.#app.generation || this.#stop.signal.aborted) return;
    const { log, metrics, fetchApp } = this.#options;
    let app: App;
    try {
      app = await fetchApp(generation, this.#stop.signal);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#notice = `Spicepod generation ${generation} cannot be used here: ${messageOf(error)}`;
      log.error({ cause: messageOf(error) }, "The newer spicepod cannot be used here; the old one stays");
      return;
    }
    if (app.generation <= this.#app.generation) return;
    this.#app = app;
    this.#notice = undefined;
    log.info({ generation: app.generation, sha256: app.sha256 }, "Following a newer spicepod");
    const wanted = new Map(app.tables.map((t) => [t.fullName, t]));
    // Each by itself: one whose queries take long to end keeps no other waiting.
    const ended = [...this.#running].map(async ([name, { table, stop }]) => {
      const next = wanted.get(name);
      if (next !== undefined && sameTable(next, table)) return;
      this.#running.delete(name);
      this.holders.delete(name);
      this.agent.forgetTable(name);
      await stop();
      if (next === undefined) metrics.removeDataset(table.name);
      else this.#startTable(next);
    });
    await Promise.all(ended);
    for (const table of app.tables) if (!this.#running.has(table.fullName)) this.#startTable(table);
  }

  /** Hold a table of a newer spicepod, with what is assigned of it. */
  #startTable(table: AppTable): void {
    if (this.#stop.signal.aborted) return;
    this.#addTable(table);
    for (const assignment of this.agent.session.assignments) {
      if (assignment.table === table.fullName) this.#hold(assignment);
    }
  }

  #addTable(table: AppTable): void {
    const holder = tableHolder(table, {
      ...this.#options,
      copies: this.#copies,
      store: this.#store,
      mayWrite: () => this.agent.mayServe(),
      report: (report) => this.agent.report(report),
      reportTable: (report) => this.agent.reportTable(report),
    });
    this.holders.set(table.fullName, holder);
    const stop = new AbortController();
    const running = holder.run(AbortSignal.any([this.#stop.signal, stop.signal]));
    this.#keep(running);
    this.#running.set(table.fullName, {
      table,
      async stop() {
        stop.abort(new Error(`${table.name} starts anew under another spicepod`));
        // How it ended was logged by its keeper.
        await running.catch(() => undefined);
      },
    });
  }

  #hold(assignment: TableAssignment): void {
    const own = this.#running.get(assignment.table)?.table.partitionBy;
    if (own === undefined) return;
    // Keys of another `partition_by` mean other rows: spicepod and assignment arrive apart, and the later one counts.
    if (assignment.partitions.length > 0 && !sameExpressions(assignment.expressions, own)) return;
    this.holders.get(assignment.table)?.hold(assignment);
  }

  async #refresh(table: string, requestId: string, overrides: string): Promise<void> {
    const holder = this.holders.get(table);
    if (holder === undefined) throw new Error(`${table} is not accelerated here`);
    const command = parseRefreshCommand(overrides);
    switch (command.kind) {
      case "set-refresh-sql":
        holder.setRefreshSql(command.refreshSql);
        return;
      case "refresh": {
        const { kind: _, jitterMaxMs = 0, ...request } = command;
        holder.request(requestId, request, Math.floor(jitterMaxMs * this.#options.random.next()));
        return;
      }
      default:
        command satisfies never;
    }
  }

  async #schedulers(signal: AbortSignal): Promise<readonly SchedulerInstance[]> {
    const { credentials } = this.#options;
    const { schedulers } = await callAnyNode<GetSchedulersResponse>(
      this.#knownSchedulers(),
      credentials,
      signal,
      (client, done) => client.getSchedulers({}, done),
    );
    return schedulers;
  }

  /** Undefined while the scheduler has not finished its first assignment cycle. */
  async #allocate(scheduler: string, signal: AbortSignal): Promise<TableAssignment[] | undefined> {
    const { executorId, credentials } = this.#options;
    try {
      const response = await callNode<AllocateInitialPartitionsResponse>(
        scheduler,
        credentials(),
        signal,
        (client, done) => client.allocateInitialPartitions({ executorId }, done),
      );
      return response.tables.map(assignmentFromWire);
    } catch (error) {
      if ((error as { code?: number }).code === status.UNAVAILABLE) return undefined;
      throw error;
    }
  }

  #keep(loop: Promise<void>): void {
    const kept = loop
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted)
          this.#options.log.error({ cause: messageOf(error) }, "A loop of the executor ended");
      })
      .finally(() => this.#loops.delete(kept));
    this.#loops.add(kept);
  }
}
