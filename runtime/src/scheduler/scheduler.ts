import type { Server } from "@grpc/grpc-js";
import type { NodeInfo } from "@spice-shards/proto";
import { httpTlsLabel } from "../adapters/cluster/public-pins.ts";
import type { App } from "../core/app/app.ts";
import { advise, unsaid } from "../core/cluster/advice.ts";
import type { ClusterDocument } from "../core/cluster/document.ts";
import { driverOf } from "../core/cluster/membership.ts";
import { messageOf } from "../core/text/message-of.ts";
import { AppInForce } from "./app-in-force.ts";
import { Reconciler } from "./assignment/reconcile.ts";
import { CatalogView } from "./catalog-view.ts";
import { serveCluster } from "./cluster-face.ts";
import { ControlStreams } from "./cluster-service.ts";
import { Commands } from "./commands.ts";
import { Discoveries } from "./discoveries.ts";
import { ExecutorViews } from "./executor-views.ts";
import { describeNodes, unknownNode } from "./members/describe-nodes.ts";
import { ExecutorDesk, WATCH_TICK_MS } from "./members/executor-desk.ts";
import { PeerClients } from "./members/peer-clients.ts";
import { PeerNews } from "./members/peer-news.ts";
import { Drains } from "./moves/drains.ts";
import { EvidenceGatherer } from "./moves/evidence-gatherer.ts";
import { MoveDriver } from "./moves/move-driver.ts";
import { MoveLog } from "./moves/move-log.ts";
import { SchedulerInfo } from "./node-info.ts";
import { RefreshCommands } from "./refresh-commands.ts";
import type { SchedulerOptions } from "./scheduler-options.ts";
import { ClusterState } from "./state/cluster-state.ts";
import { Collector } from "./state/collect.ts";
import { Heartbeat } from "./state/heartbeat.ts";
import { pollState } from "./state/poll.ts";
import { runReaper } from "./state/reaper.ts";
import { Registration } from "./state/registration.ts";

const ttlMs = 30_000;
const collectIntervalMs = 600_000;

/** A scheduler's part in the cluster: membership, assignment, and what it tells of it (spec chapter 04). */
export class Scheduler {
  readonly info: SchedulerInfo;
  readonly catalog: CatalogView;
  readonly executors = new ExecutorViews();
  readonly streams = new ControlStreams();
  readonly #options: SchedulerOptions;
  readonly #state: ClusterState;
  readonly #registration: Registration;
  readonly #heartbeat: Heartbeat;
  readonly #desk: ExecutorDesk;
  readonly #reconciler: Reconciler;
  readonly #commands: Commands;
  readonly #inForce: AppInForce;
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[] = [];
  readonly #discoveries: Discoveries;
  readonly #clients: PeerClients;
  readonly #evidence: EvidenceGatherer;
  readonly #moves: MoveDriver;
  readonly #drains: Drains;
  readonly #said = new Set<string>();
  /** Who drives and who is a member, as of the last document. */
  #membership = "";
  #accepting = true;
  #news: PeerNews | undefined;
  #refreshing: Promise<unknown> | undefined;

  private constructor(options: SchedulerOptions) {
    this.#options = options;
    const { clock, random, store, schedulerId, metrics, log } = options;
    const settings = options.app.scheduler;
    const instanceId = random.uuid();
    this.#state = new ClusterState({
      store,
      clock,
      random,
      schedulerId,
      instanceId,
      onAttempt: (result) =>
        metrics
          .counter("cluster_state_commits")
          .inc({ result: result === "lost-reply" ? "committed" : result }),
    });
    this.#inForce = new AppInForce({
      state: this.#state,
      own: options.app,
      compile: (text, generation) => options.compile(text, generation),
      log,
      metrics,
      signal: this.#stop.signal,
      changed: () => this.#reconciler.wake(),
    });
    this.#registration = new Registration({
      state: this.#state,
      clock,
      entry: {
        scheduler_id: schedulerId,
        instance_id: instanceId,
        advertise_address: options.advertiseAddress,
        grpc_address: options.flightAddress,
        http_address: options.httpAddress,
        started_at_ms: clock.wallMs(),
        ttl_ms: ttlMs,
        build_version: options.buildVersion,
        labels: options.publicLeafSha256() === undefined ? {} : { [httpTlsLabel]: "true" },
      },
      onWait: (holder) =>
        log.warn(
          { holder },
          `Scheduler id ${schedulerId} is held by another instance: waiting up to ${(ttlMs + 5_000) / 1000} s for its beats to stop`,
        ),
      onError: (error) => log.warn({ cause: messageOf(error) }, "Registration is tried again"),
    });
    this.#heartbeat = new Heartbeat({
      state: this.#state,
      clock,
      ttlMs,
      lostAfterMs: settings.executorLostAfter,
      content: () => ({ executors: this.#desk.beats(), queries: [] }),
      onError: (error) => log.warn({ cause: messageOf(error) }, "The heartbeat could not be written"),
    });
    this.#desk = new ExecutorDesk({
      state: this.#state,
      clock,
      lostAfterMs: settings.executorLostAfter,
      confirmationAgeMs: () => this.#heartbeat.confirmationAgeMs(),
      onJoin: (executor) => {
        log.info({ executor }, "Executor joined");
        this.#reconciler.wake();
      },
      onReport: (_executor, _instance, report) => {
        const set = this.#state.document.accelerations[report.table]?.partitions;
        const index = set?.indexOfKey(report.key) ?? -1;
        // It heard of an assignment from another scheduler before this one did.
        if (set === undefined || index < 0 || report.epoch > set.epoch(index)) this.#refreshSoon();
        else if (report.state !== "loading" && set.learners(index).length > 0) this.#reconciler.wakeMoves();
      },
      onCommandError: (executor, command, error) =>
        log.warn({ executor, command, error }, "An executor refused an assignment"),
    });
    this.#commands = new Commands(this.streams, clock);
    this.#discoveries = new Discoveries({
      app: () => this.app,
      clock,
      metrics,
      discover: (table, signal) => options.discover(table, signal),
    });
    this.#clients = new PeerClients(options.credentials);
    this.#evidence = new EvidenceGatherer({
      state: this.#state,
      clock,
      watch: this.#desk.watch,
      lostAfterMs: settings.executorLostAfter,
      ask: async ({ advertise_address: address }, suspectedExecutors) => {
        const { revision } = this.#state.document;
        const news = { schedulerId, revision, suspectedExecutors: [...suspectedExecutors] };
        return (await this.#clients.peerNews(address, news)).heardExecutors;
      },
      onError: (scheduler, error) =>
        log.debug({ scheduler, cause: messageOf(error) }, "A scheduler could not be asked for its evidence"),
    });
    const moveLog = new MoveLog(log, metrics);
    this.#moves = new MoveDriver({
      clock,
      evidence: this.#evidence,
      book: this.executors.book,
      settings,
      live: () => this.#desk.live().ids,
      onReport: (report) => moveLog.tell(report),
    });
    this.#drains = new Drains({ state: this.#state, clock, moves: this.#moves });
    this.#reconciler = new Reconciler({
      state: this.#state,
      clock,
      settings,
      intervalMs: settings.partitionAssignmentInterval,
      ...(options.expectedExecutors === undefined ? {} : { expectedExecutors: options.expectedExecutors }),
      tables: () => this.app.tables.map((t) => t.reconcile),
      discover: (table, signal) => this.#discoveries.discover(table.name, signal),
      live: () => this.#desk.live(),
      moves: this.#moves,
      sizes: (document, table) => this.executors.book.sizes(document, table),
      onReport: (report) => {
        for (const count of report.assigned.values()) {
          metrics.counter("scheduler_executor_assignments").inc(count);
        }
        metrics.counter("scheduler_partition_state_operations").inc({ status: "added" }, report.added);
        metrics.counter("scheduler_partition_state_operations").inc({ status: "removed" }, report.removed);
        for (const warning of report.warnings) {
          log.warn({ dataset: warning.table, partitions: warning.partitions }, warning.text);
        }
        if (report.assigned.size > 0)
          log.info({ assigned: Object.fromEntries(report.assigned) }, "Assigned partitions");
      },
      onDiscoveryError: (table, error) => {
        this.#discoveries.failed(table, error);
        log.error(
          { dataset: table, cause: messageOf(error) },
          "Partition discovery failed; the assignment stays",
        );
      },
      onError: (error) => log.error({ cause: messageOf(error) }, "The assignment cycle failed"),
    });
    this.catalog = new CatalogView({
      executors: this.executors,
      document: () => this.#state.document,
      definitions: () => this.app.tables,
      views: () => this.app.views,
      serving: (executor, instance) => this.#desk.instanceOf(executor) === instance,
    });
    const refreshes = new RefreshCommands({
      commands: this.#commands,
      document: () => this.#state.document,
      live: () => this.#desk.live().ids,
      reconcile: (table, signal) => this.#reconciler.reconcileTable(table, signal),
      random,
      log,
      signal: this.#stop.signal,
    });
    this.info = new SchedulerInfo({
      nodeId: schedulerId,
      role: options.role,
      endpoints: options.endpoints,
      executors: this.executors,
      silentForMs: (executor) => this.#desk.silentForMs(executor),
      document: () => this.#state.document,
      datasets: () => this.app.described,
      notices: () => [
        ...this.#inForce.notices,
        ...(this.#moves.condition === undefined ? [] : [`Partitions do not move: ${this.#moves.condition}`]),
        ...this.#advice().map((a) => a.message),
      ],
      discoveryError: (table) => this.#discoveries.error(table),
      drains: this.#drains,
      accepting: () => this.#accepting,
      wallMs: () => clock.wallMs(),
      refresh: (table, request) => refreshes.refresh(table, request),
      setRefreshSql: (table, refreshSql) => refreshes.setRefreshSql(table, refreshSql),
    });
  }

  /**
   * Join the cluster: open or create `cluster.json`, register, settle on a spicepod, and serve control streams on
   * `server`. Throws what prevents it, and then is no member: its id is free at once.
   */
  static async start(options: SchedulerOptions, server: Server, signal: AbortSignal): Promise<Scheduler> {
    const scheduler = new Scheduler(options);
    try {
      await scheduler.#join(signal);
    } catch (error) {
      if (scheduler.#state.isOpen && scheduler.#state.registered) await scheduler.stop();
      throw error;
    }
    scheduler.#serve(server);
    scheduler.#run();
    return scheduler;
  }

  /** The spicepod in force. */
  get app(): App {
    return this.#inForce.current;
  }

  get document(): ClusterDocument {
    return this.#state.document;
  }

  /** `host:port` of an executor's internal server: its id. Undefined while it is not a member. */
  addressOf(executor: string): string | undefined {
    return this.#state.document.executors[executor] === undefined ? undefined : executor;
  }

  /** The other nodes of the cluster: id and address of those that should answer, and executors that are silent here. */
  get peers(): { readonly answering: ReadonlyMap<string, string>; readonly silent: readonly string[] } {
    const { schedulers, executors } = this.#state.document;
    const live = new Set(this.#desk.live().ids);
    const answering = new Map<string, string>();
    for (const s of Object.values(schedulers)) answering.set(s.scheduler_id, s.advertise_address);
    answering.delete(this.#options.schedulerId);
    for (const id of live) answering.set(id, id);
    return { answering, silent: Object.keys(executors).filter((id) => !live.has(id)) };
  }

  /** Why a dataset of the spicepod cannot be queried yet; undefined for one that can, and for other names. */
  pendingReason(name: string): string | undefined {
    const table = this.app.tables.find((t) => t.name.toLowerCase() === name.toLowerCase());
    if (table === undefined || this.catalog.current().tables.has(table.name.toLowerCase())) return undefined;
    return (
      this.#discoveries.error(table.fullName) ??
      this.executors
        .all()
        .find((e) => (e.tables.get(table.fullName)?.error ?? "") !== "")
        ?.tables.get(table.fullName)?.error ??
      "it is not loaded"
    );
  }

  /** Offer another version of this scheduler's own spicepod file; see {@link AppInForce.offer}. */
  offer(app: App): Promise<void> {
    return this.#inForce.offer(app);
  }

  /** Show a problem of this scheduler's spicepod file on `/v1/status`, or that it is over. */
  problem(notice: string | undefined): void {
    this.#inForce.problem(notice);
  }

  /** Show as not ready from now on: the first step of a shutdown. */
  refuseNew(): void {
    this.#accepting = false;
  }

  /** Leave the cluster: stop every loop, deregister, remove the heartbeat. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#loops);
    try {
      await this.#registration.deregister();
      await this.#heartbeat.remove();
    } catch (error) {
      this.#options.log.warn(
        { cause: messageOf(error) },
        "Could not deregister; a reaper removes this scheduler later",
      );
    }
    this.#news?.close();
    this.#clients.close();
    this.#desk.close();
  }

  /** Read the document now; the poll does it anyway when this fails. Concurrent calls are one. */
  #refreshSoon(): void {
    this.#refreshing ??= this.#state
      .refresh(this.#stop.signal)
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted)
          this.#options.log.warn(
            { cause: messageOf(error) },
            "News of a newer revision could not be followed yet",
          );
      })
      .finally(() => {
        this.#refreshing = undefined;
      });
  }

  async #join(signal: AbortSignal): Promise<void> {
    await this.#state.open(signal);
    await this.#registration.register(signal);
    await this.#inForce.settle(signal);
    await this.#heartbeat.beat(signal);
  }

  #run(): void {
    const { clock, random, log, onFatal } = this.#options;
    const { signal } = this.#stop;
    const keep = (loop: Promise<void>) => {
      this.#loops.push(
        loop.catch((error: unknown) => {
          if (!signal.aborted) onFatal(error);
        }),
      );
    };
    this.#state.subscribe(() => this.#onDocument());
    this.#onDocument();
    this.#news = new PeerNews({
      state: this.#state,
      clients: this.#clients,
      onError: (scheduler, error) =>
        log.debug({ scheduler, cause: messageOf(error) }, "A scheduler could not be told of a new revision"),
    });
    keep(this.#heartbeat.run(signal));
    keep(this.#registration.keep(signal));
    keep(
      runReaper(
        {
          state: this.#state,
          clock,
          random,
          ttlMs,
          ask: async ({ advertise_address: address }) => {
            const { revision } = this.#state.document;
            const news = { schedulerId: this.#state.schedulerId, revision, suspectedExecutors: [] };
            const { instanceId, beatCounter } = await this.#clients.peerNews(address, news);
            return { instance_id: instanceId, counter: beatCounter };
          },
          onReaped: (ids) => log.warn({ schedulers: ids }, "Removed schedulers whose beats stopped"),
          onError: (error) =>
            log.warn({ cause: messageOf(error) }, "The reaper could not look at the others"),
        },
        signal,
      ),
    );
    keep(
      pollState(
        {
          state: this.#state,
          clock,
          onError: (error) =>
            log.error(
              { cause: messageOf(error) },
              "The cluster document could not be read; the last one stays in force",
            ),
        },
        signal,
      ),
    );
    keep(this.#reconciler.run(signal));
    keep(this.#watchExecutors(signal));
    keep(this.#collect(new Collector(this.#state, clock), signal));
  }

  async #collect(collector: Collector, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#options.clock.sleep(collectIntervalMs, signal);
        await collector.collect(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#options.log.warn({ cause: messageOf(error) }, "Old assignment objects could not be collected");
      }
    }
  }

  /** Notice executors whose beats stopped; the driver then looks for evidence of their loss. */
  async #watchExecutors(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#evidence.look()) this.#reconciler.wakeMoves();
      // Only the abort can end the sleep early, and the loop's condition sees it.
      await this.#options.clock.sleep(WATCH_TICK_MS, signal).catch(() => undefined);
    }
  }

  #serve(server: Server): void {
    const { schedulerId, secure, expandSecret, authorize, log, metrics } = this.#options;
    serveCluster(server, {
      schedulerId,
      desk: this.#desk,
      executors: this.executors,
      streams: this.streams,
      streamsChanged: (open) => metrics.gauge("scheduler_active_executors_count").set(open),
      app: () => this.app,
      tables: () => this.app.tables.map((t) => t.fullName),
      document: () => this.#state.document,
      expandSecret,
      acknowledged: (executor, command, error) => this.#commands.acknowledged(executor, command, error),
      peerNews: (_peer, revision, suspected) => {
        const { document } = this.#state;
        if (revision > document.revision) this.#refreshSoon();
        const silent = this.#evidence.silent(document);
        return {
          revision: document.revision,
          heard: suspected.filter((executor) => !silent.includes(executor)),
          beat: { instance_id: this.#state.instanceId, counter: this.#heartbeat.counter },
        };
      },
      metrics: () => metrics.text(),
      node: () => this.#node(),
      publicLeafSha256: () => this.#options.publicLeafSha256(),
      secure,
      authorize,
      warn: (message, detail) => log.warn(detail, message),
      info: this.info,
      drains: this.#drains,
      nodes: () =>
        describeNodes({
          document: this.#state.document,
          own: this.#node(),
          executors: this.executors,
          clients: this.#clients,
        }),
    });
  }

  /** This scheduler with its certificates. */
  #node(): NodeInfo {
    const { schedulerId: id, certificates } = this.#options;
    return { ...unknownNode(id), ...certificates() };
  }

  #onDocument(): void {
    const { metrics, log } = this.#options;
    const { document, rootBytes } = this.#state.snapshot;
    this.executors.prune(document);
    const members = Object.entries(document.executors).map(([id, { state }]) => `${id} ${state}`);
    const membership = [driverOf(document), ...members].join();
    if (membership !== this.#membership) {
      this.#membership = membership;
      this.#reconciler.wakeMoves();
    }
    metrics.gauge("cluster_state_bytes").set(rootBytes);
    metrics.gauge("scheduler_count").set(Object.keys(document.schedulers).length);
    for (const table of this.app.tables) {
      const set = document.accelerations[table.fullName]?.partitions;
      const unassigned = set?.unassignedCount() ?? 0;
      const gauge = metrics.gauge("scheduler_partitions_count");
      gauge.set({ dataset: table.name, status: "assigned" }, (set?.count ?? 0) - unassigned);
      gauge.set({ dataset: table.name, status: "unassigned" }, unassigned);
      const moving = [...(set?.columns.extras.values() ?? [])].filter((e) => (e.learners?.length ?? 0) > 0);
      gauge.set({ dataset: table.name, status: "moving" }, moving.length);
    }
    for (const advice of unsaid(this.#advice(), this.#said))
      log.info({ dataset: advice.table }, advice.message);
    void this.#inForce.followCommitted();
  }

  #advice() {
    const { document, rootBytes } = this.#state.snapshot;
    return advise({ document, rootBytes, maxPerExecutor: this.app.scheduler.maxPartitionsPerExecutor });
  }
}
