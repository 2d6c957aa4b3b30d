import type { ExecutorState, SchedulerEntry } from "../../src/core/cluster/document/document.ts";
import { AlreadyRegisteredError, ConcurrentModificationError } from "../../src/core/cluster/errors.ts";
import { driverOf } from "../../src/core/cluster/membership/membership.ts";
import type { SchedulerMessage } from "../../src/core/cluster/membership/messages.ts";
import { ReportBook } from "../../src/core/cluster/membership/reports.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { ObjectStore } from "../../src/ports/object-store.ts";
import { StoreError } from "../../src/ports/object-store.ts";
import { Reconciler } from "../../src/scheduler/assignment/reconcile.ts";
import { DriverWatch } from "../../src/scheduler/members/driver-watch.ts";
import type { DeskConnection } from "../../src/scheduler/members/executor-desk.ts";
import { ExecutorDesk } from "../../src/scheduler/members/executor-desk.ts";
import { dueAfterReport } from "../../src/scheduler/moves/due-after-report.ts";
import { EvidenceGatherer } from "../../src/scheduler/moves/evidence-gatherer.ts";
import { MoveDriver } from "../../src/scheduler/moves/move-driver.ts";
import { offerApp } from "../../src/scheduler/state/app-objects.ts";
import { ClusterState } from "../../src/scheduler/state/cluster-state.ts";
import { Heartbeat, ReplacedError } from "../../src/scheduler/state/heartbeat.ts";
import { pollState } from "../../src/scheduler/state/poll.ts";
import { runReaper } from "../../src/scheduler/state/reaper.ts";
import { Registration } from "../../src/scheduler/state/registration.ts";
import type { PeerBeat, SchedulerObserver } from "../../src/scheduler/state/scheduler-observer.ts";
import type { SimProcess } from "./process.ts";
import type { SimSettings } from "./settings.ts";
import type { SimSource } from "./source.ts";
import { type Truth, withProbe } from "./truth.ts";
import type { World } from "./world.ts";

/** Places where a test plants a bug. */
export interface SchedulerBugs {
  readonly store?: (store: ObjectStore, self: { id: string; instance: string }) => ObjectStore;
  readonly observer?: (store: ObjectStore, clock: Clock) => SchedulerObserver;
  /** Change a scheduler before it starts. */
  readonly scheduler?: (scheduler: SimScheduler) => void;
}

/** How one scheduler reaches another: undefined while it cannot. */
export type FindPeer = (id: string) => SimScheduler | undefined;

export interface SimSchedulerOptions {
  readonly world: World;
  readonly process: SimProcess;
  readonly id: string;
  readonly store: ObjectStore;
  readonly source: SimSource;
  readonly truth: Truth;
  readonly settings: SimSettings;
  readonly bugs: SchedulerBugs;
  /** The number of its spicepod, where an operator numbers it. */
  readonly appGeneration: number | undefined;
  readonly findPeer: FindPeer;
  readonly note: (what: string) => void;
}

const PEER_TIMEOUT_MS = 2_000;

/** A whole scheduler as far as membership and assignment go: the real loops over the simulated store and clock. */
export class SimScheduler {
  readonly id: string;
  readonly instance: string;
  readonly process: SimProcess;
  readonly state: ClusterState;
  readonly heartbeat: Heartbeat;
  readonly desk: ExecutorDesk;
  readonly reports = new ReportBook();
  readonly evidence: EvidenceGatherer;
  readonly moves: MoveDriver;
  /** Why it ended by itself. */
  ended: unknown;
  /** An error that must not happen. */
  failure: unknown;
  /** It is registered and takes connections. */
  serving = false;
  readonly #world: World;
  readonly #settings: SimSettings;
  readonly #source: SimSource;
  readonly #truth: Truth;
  readonly #registration: Registration;
  readonly #reconciler: Reconciler;
  readonly #driver: DriverWatch;
  readonly #abort = new AbortController();
  readonly #observer: (() => SchedulerObserver) | undefined;
  readonly #appGeneration: number | undefined;
  readonly #findPeer: FindPeer;
  readonly #note: (what: string) => void;
  #refreshing: Promise<unknown> | undefined;

  constructor(options: SimSchedulerOptions) {
    const { world, process, id, store, source, truth, settings, bugs, appGeneration, findPeer, note } =
      options;
    this.#findPeer = findPeer;
    this.#note = note;
    this.id = id;
    this.process = process;
    this.instance = world.random.uuid();
    this.#world = world;
    this.#settings = settings;
    this.#source = source;
    this.#truth = truth;
    this.#appGeneration = appGeneration;
    const { clock } = process;
    const { random } = world;
    const seen = bugs.store?.(store, { id, instance: this.instance }) ?? store;
    this.#observer = bugs.observer === undefined ? undefined : () => bugs.observer!(seen, clock);
    this.state = new ClusterState({
      store: seen,
      clock,
      random,
      schedulerId: id,
      instanceId: this.instance,
      maxInlinePartitions: settings.maxInline,
      onAttempt: (result) => {
        if (result === "lost-reply") note("write found again");
        else if (result === "conflict") note("write lost a race");
      },
    });
    this.heartbeat = new Heartbeat({
      state: this.state,
      clock,
      ttlMs: settings.ttlMs,
      lostAfterMs: settings.lostAfterMs,
      content: () => ({ executors: this.desk.beats(), queries: [] }),
    });
    this.desk = new ExecutorDesk({
      state: this.state,
      clock,
      lostAfterMs: settings.lostAfterMs,
      confirmationAgeMs: () => this.heartbeat.confirmationAgeMs(),
      onJoin: (executor, instance) => {
        this.reports.joined(executor, instance);
        this.#reconciler.wake();
      },
      onReport: (executor, instance, report) => {
        this.reports.record(executor, instance, report);
        const due = dueAfterReport(this.state.document, report);
        if (due === "refresh") this.#refreshSoon();
        else if (due === "moves") this.#reconciler.wakeMoves();
      },
    });
    this.evidence = new EvidenceGatherer({
      state: this.state,
      clock,
      watch: this.desk.watch,
      lostAfterMs: settings.lostAfterMs,
      ask: (peer, suspected) => this.#call(peer.scheduler_id, (found) => found.heard(suspected)),
    });
    const moveSettings = {
      maxPartitionsPerExecutor: 1_000,
      maxPartitionAssignmentsPerInterval: 6,
      maxPartitionMoveBytes: Number.POSITIVE_INFINITY,
    };
    this.moves = new MoveDriver({
      clock,
      evidence: this.evidence,
      book: this.reports,
      settings: moveSettings,
      live: () => this.desk.live().ids,
      onReport: ({ steps, blocked, condition }) => {
        for (const { kind, cause } of steps) note(kind === "promote" ? "promotion" : `${kind} (${cause})`);
        if (blocked.size > 0) note("drain blocked");
        if (condition !== undefined) note("most looked lost");
      },
    });
    this.#registration = new Registration({
      state: this.state,
      clock,
      entry: {
        scheduler_id: id,
        instance_id: this.instance,
        advertise_address: id,
        grpc_address: id.replace("50052", "50051"),
        http_address: id.replace("50052", "8090"),
        started_at_ms: clock.wallMs(),
        ttl_ms: settings.ttlMs,
        build_version: "0.1.0",
        labels: {},
      },
      ...this.#withObserver(),
    });
    this.#reconciler = new Reconciler({
      state: this.state,
      clock,
      settings: { maxPartitionsPerExecutor: 1_000, maxPartitionAssignmentsPerInterval: 100 },
      intervalMs: settings.intervalMs,
      tables: () => source.tables,
      discover: (table) => source.discover(process, table.name),
      live: () => this.desk.live(),
      moves: this.moves,
      drives: () => this.#driver.driver === id,
    });
    this.#driver = new DriverWatch({ state: this.state, clock, ask: (peer) => this.#beatOf(peer) });
    bugs.scheduler?.(this);
  }

  /** Of the suspected executors, those that this scheduler hears or cannot speak of. */
  heard(suspected: readonly string[]): string[] {
    const silent = this.evidence.silent(this.state.document);
    return suspected.filter((id) => !silent.includes(id));
  }

  /** An operator asks this scheduler to drain an executor, or to end a drain. */
  async setState(executor: string, to: ExecutorState): Promise<void> {
    await this.state.change((document) => {
      const entry = document.executors[executor];
      if (entry === undefined || entry.state === to) return { document, result: undefined };
      const executors = { ...document.executors, [executor]: { ...entry, state: to } };
      return { document: { ...document, executors }, result: undefined };
    });
    this.#reconciler.wakeMoves();
  }

  /** Somebody knows of a newer document; reading it may fail, then the poll finds it. */
  #refreshSoon(): void {
    this.#refreshing ??= this.state
      .refresh(this.#abort.signal)
      .catch(() => {})
      .finally(() => {
        this.#refreshing = undefined;
      });
  }

  /** Ask another scheduler something; rejects when no answer comes. */
  #call<T>(peer: string, answer: (found: SimScheduler) => T): Promise<T> {
    const { random } = this.#world;
    return new Promise((resolve, reject) => {
      this.process.after(PEER_TIMEOUT_MS, () => reject(new Error(`${peer} does not answer`)));
      const found = this.#findPeer(peer);
      if (found === undefined) return;
      this.#world.after(random.between(1, 40), () => {
        found.process.enter(() => {
          if (!found.serving) return;
          const told = answer(found);
          this.#world.after(random.between(1, 40), () => this.process.enter(() => resolve(told)));
        });
      });
    });
  }

  #beatOf({ scheduler_id: peer }: SchedulerEntry): Promise<PeerBeat> {
    return this.#call(peer, ({ instance, heartbeat }) => ({
      instance_id: instance,
      counter: heartbeat.counter,
    }));
  }

  /** Start; the process ends by itself when it must (its id is taken). */
  start(): void {
    const { signal } = this.#abort;
    this.#main(signal).catch((error: unknown) => {
      if (signal.aborted) return;
      this.ended = error;
      this.kill();
    });
  }

  /** kill −9. */
  kill(): void {
    this.serving = false;
    this.process.crash();
    this.desk.close();
  }

  /** SIGTERM: deregister, then end. */
  async stop(): Promise<void> {
    this.serving = false;
    this.#truth.leaving(this.instance);
    this.#abort.abort();
    try {
      await this.#registration.deregister();
      await this.heartbeat.remove();
    } catch (error) {
      // Nothing more can be done: the reaper will remove what is left.
      if (!(error instanceof StoreError || error instanceof ConcurrentModificationError))
        this.failure = error;
    } finally {
      this.kill();
    }
  }

  open(send: (message: SchedulerMessage) => void): DeskConnection {
    return this.desk.open(send);
  }

  async #main(signal: AbortSignal): Promise<void> {
    const { clock } = this.process;
    const { state, heartbeat } = this;
    const ignore = () => {};
    for (;;) {
      try {
        await state.open(signal);
        break;
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        await clock.sleep(1_000, signal);
      }
    }
    await this.#registration.register(signal);
    this.serving = true;
    await Promise.all([
      heartbeat.run(signal),
      runReaper(
        {
          state,
          clock,
          random: this.#world.random,
          ttlMs: this.#settings.ttlMs,
          ask: (peer) => this.#beatOf(peer),
          onError: ignore,
          ...this.#withObserver(),
        },
        signal,
      ),
      pollState({ state, clock, onError: ignore }, signal),
      this.#registration.keep(signal),
      this.#reconciler.run(signal),
      this.evidence.watch(() => this.#reconciler.wakeMoves(), signal),
      this.#driver.watch(() => {
        const { driver } = this.#driver;
        if (driver === this.id && driverOf(this.state.document) !== driver) this.#note("drove for another");
        this.#reconciler.wake();
      }, signal),
      this.#workload(signal),
    ]);
  }

  /** What queries, refreshes and operators make a scheduler do besides. */
  async #workload(signal: AbortSignal): Promise<void> {
    const { random } = this.#world;
    const { clock } = this.process;
    const app = Buffer.from(`app of ${this.instance}`);
    let offered = false;
    for (let turn = 0; !signal.aborted; turn += 1) {
      await clock.sleep(random.between(500, 8_000), signal);
      try {
        if (!offered) {
          await offerApp(this.state, app, this.#appGeneration);
          offered = true;
        }
        await this.#probe();
        // Each table in turn is at the end of a refresh cycle.
        const { name } = this.#source.tables[turn % this.#source.tables.length]!;
        await this.#reconciler.reconcileTable(name, signal);
      } catch (error) {
        if (error instanceof ReplacedError || error instanceof AlreadyRegisteredError) throw error;
      }
    }
  }

  /** Increment this instance's counter in the document: a change that must be applied exactly once. */
  async #probe(): Promise<void> {
    this.#truth.probeStarted(this.instance);
    await this.state.change((document) => ({
      document: withProbe(document, this.instance),
      result: undefined,
    }));
    this.#truth.probeAcknowledged(this.instance);
  }

  #withObserver(): { observer?: SchedulerObserver } {
    return this.#observer === undefined ? {} : { observer: this.#observer() };
  }
}
