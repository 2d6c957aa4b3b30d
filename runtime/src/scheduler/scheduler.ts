import type { Server } from "@grpc/grpc-js";
import type { NodeInfo } from "@spice-shards/proto";
import type { App } from "../core/app/app.ts";
import type { ClusterDocument } from "../core/cluster/document/document.ts";
import { advise, unsaid } from "../core/cluster/membership/advice.ts";
import { messageOf } from "../core/text/message-of.ts";
import { AppInForce } from "./app-in-force.ts";
import { tellAssignment } from "./assignment/assignment-log.ts";
import { Reconciler } from "./assignment/reconcile.ts";
import { CatalogView } from "./catalog-view.ts";
import { serveCluster } from "./cluster-face.ts";
import { ControlStreams } from "./cluster-service.ts";
import { Commands } from "./commands.ts";
import { Discoveries } from "./discoveries.ts";
import { ExecutorViews } from "./executor-views.ts";
import { FirstReports } from "./first-reports.ts";
import { describeNodes, unknownNode } from "./members/describe-nodes.ts";
import { ExecutorDesk } from "./members/executor-desk.ts";
import { type OtherNodes, otherNodes } from "./members/other-nodes.ts";
import { PeerClients } from "./members/peer-clients.ts";
import { PeerNews } from "./members/peer-news.ts";
import { PeerTalk } from "./members/peer-talk.ts";
import { Drains } from "./moves/drains.ts";
import { dueAfterReport } from "./moves/due-after-report.ts";
import { EvidenceGatherer } from "./moves/evidence-gatherer.ts";
import { MoveDriver } from "./moves/move-driver.ts";
import { MoveLog } from "./moves/move-log.ts";
import { SchedulerInfo } from "./node-info.ts";
import { pendingReason } from "./pending-reason.ts";
import { RefreshCommands } from "./refresh-commands.ts";
import type { SchedulerOptions } from "./scheduler-options.ts";
import { ClusterState } from "./state/cluster-state.ts";
import { Heartbeat } from "./state/heartbeat.ts";
import { measureDocument } from "./state/measure-document.ts";
import { memberEntry } from "./state/member-entry.ts";
import { RefreshSoon } from "./state/refresh-soon.ts";
import { Registration } from "./state/registration.ts";
import { runStateLoops } from "./state/run-loops.ts";

const ttlMs = 30_000;

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
  #loops: readonly Promise<void>[] = [];
  readonly #discoveries: Discoveries;
  readonly #clients: PeerClients;
  readonly #peers: PeerTalk;
  readonly #evidence: EvidenceGatherer;
  readonly #moves: MoveDriver;
  readonly #drains: Drains;
  readonly #soon: RefreshSoon;
  readonly #said = new Set<string>();
  /** Who drives and who is a member, as of the last document. */
  #membership = "";
  #accepting = true;
  #news: PeerNews | undefined;

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
    this.#soon = new RefreshSoon(this.#state, log, this.#stop.signal);
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
      entry: memberEntry(options, instanceId, ttlMs),
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
        const due = dueAfterReport(this.#state.document, report);
        if (due === "refresh") this.#soon.refresh();
        else if (due === "moves") this.#reconciler.wakeMoves();
      },
      onCommandError: (executor, command, error) =>
        log.warn({ executor, command, error }, "An executor refused an assignment"),
    });
    this.#commands = new Commands(this.streams, clock);
    this.#discoveries = new Discoveries({
      app: () => this.app,
      clock,
      log,
      metrics,
      discover: (table, signal) => options.discover(table, signal),
    });
    this.#clients = new PeerClients(options.credentials);
    this.#evidence = new EvidenceGatherer({
      state: this.#state,
      clock,
      watch: this.#desk.watch,
      lostAfterMs: settings.executorLostAfter,
      ask: (peer, suspected) => this.#peers.heard(peer, suspected),
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
    this.#peers = new PeerTalk({
      state: this.#state,
      clock,
      clients: this.#clients,
      silent: () => this.#evidence.silent(this.#state.document),
      beatCounter: () => this.#heartbeat.counter,
      condition: () => this.#moves.condition,
      newer: () => this.#soon.refresh(),
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
      drives: () => this.#peers.driver === schedulerId,
      sizes: (document, table) => this.executors.book.sizes(document, table),
      onReport: (report) => tellAssignment(report, log, metrics),
      onDiscoveryError: (table, error) => this.#discoveries.failed(table, error),
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
        ...(this.#peers.condition === undefined ? [] : [`Partitions do not move: ${this.#peers.condition}`]),
        ...this.#advice().map((a) => a.message),
      ],
      discoveryError: (table) => this.#discoveries.error(table),
      drains: this.#drains,
      firstReports: new FirstReports(clock),
      condition: () => this.#peers.condition,
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
  get peers(): OtherNodes {
    return otherNodes(this.#state.document, this.#options.schedulerId, this.#desk.live().ids);
  }

  /** Why a dataset of the spicepod cannot be queried yet; undefined for one that can, and for other names. */
  pendingReason(name: string): string | undefined {
    return pendingReason(name, {
      tables: this.app.tables,
      queried: this.catalog.current().tables,
      executors: this.executors.all(),
      discoveryError: (table) => this.#discoveries.error(table),
    });
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

  async #join(signal: AbortSignal): Promise<void> {
    await this.#state.open(signal);
    await this.#registration.register(signal);
    await this.#inForce.settle(signal);
    await this.#heartbeat.beat(signal);
  }

  #run(): void {
    const { log, onFatal } = this.#options;
    const { signal } = this.#stop;
    this.#state.subscribe(() => this.#onDocument());
    this.#onDocument();
    this.#news = new PeerNews({
      state: this.#state,
      clients: this.#clients,
      onError: (scheduler, error) =>
        log.debug({ scheduler, cause: messageOf(error) }, "A scheduler could not be told of a new revision"),
    });
    const stateLoops = runStateLoops(
      {
        ...this.#options,
        state: this.#state,
        heartbeat: this.#heartbeat,
        registration: this.#registration,
        ttlMs,
        ask: (peer) => this.#peers.beat(peer),
      },
      signal,
    );
    const moves = this.#evidence.watch(() => this.#reconciler.wakeMoves(), signal);
    const driver = this.#peers.watchDriver(() => this.#reconciler.wake(), signal);
    const fatal = (error: unknown) => (signal.aborted ? undefined : onFatal(error));
    this.#loops = [...stateLoops, this.#reconciler.run(signal), moves, driver].map((loop) =>
      loop.catch(fatal),
    );
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
      peerNews: (...news) => this.#peers.answer(...news),
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
    const { document } = this.#state;
    this.executors.prune(document);
    const members = Object.entries(document.executors).map(([id, { state }]) => `${id} ${state}`);
    const membership = [this.#peers.driver, ...members].join();
    if (membership !== this.#membership) {
      this.#membership = membership;
      this.#reconciler.wakeMoves();
    }
    measureDocument(this.#state.snapshot, this.app.tables, metrics);
    for (const advice of unsaid(this.#advice(), this.#said))
      log.info({ dataset: advice.table }, advice.message);
    void this.#inForce.followCommitted();
  }

  #advice() {
    const { document, rootBytes } = this.#state.snapshot;
    return advise({ document, rootBytes, maxPerExecutor: this.app.scheduler.maxPartitionsPerExecutor });
  }
}
