import {
  activeExecutors,
  type ClusterDocument,
  type ExecutorState,
} from "../../src/core/cluster/document.ts";
import { AlreadyRegisteredError } from "../../src/core/cluster/errors.ts";
import { slicesOf } from "../../src/core/cluster/slices.ts";
import { ReplacedError } from "../../src/scheduler/state/heartbeat.ts";
import { MoveTruth } from "./move-truth.ts";
import { SimProcess } from "./process.ts";
import type { SimSettings } from "./settings.ts";
import { type ExecutorBugs, SimExecutor } from "./sim-executor.ts";
import { type SchedulerBugs, SimScheduler } from "./sim-scheduler.ts";
import { SimSource } from "./source.ts";
import { NO_FAULTS, SimStore } from "./store.ts";
import { Truth, Violation } from "./truth.ts";
import { World } from "./world.ts";

export interface SimulationOptions {
  readonly seed: number;
  readonly schedulers?: number;
  readonly executors?: number;
  /** Virtual time during which faults happen. */
  readonly faultyMs?: number;
  /** Which kinds of fault may happen. */
  readonly faults?: readonly FaultKind[];
  /** How many faults there are; drawn when absent. */
  readonly faultCount?: number;
  readonly bugs?: SchedulerBugs & ExecutorBugs;
}

export type FaultKind =
  | "kill-scheduler"
  | "pause-scheduler"
  | "stop-scheduler"
  | "twin-scheduler"
  | "kill-executor"
  | "lose-executor"
  | "add-executor"
  | "drain"
  | "cut-peers"
  | "cut-exchange"
  | "pause-executor"
  | "cut-link"
  | "cut-store"
  | "store-outage"
  | "store-faults"
  | "clock-jump"
  | "source-change"
  | "vanish";

/** Every kind but the loss of the document itself, after which nothing can converge. */
export const ALL_FAULTS: readonly FaultKind[] = [
  "kill-scheduler",
  "pause-scheduler",
  "stop-scheduler",
  "twin-scheduler",
  "kill-executor",
  "lose-executor",
  "add-executor",
  "drain",
  "cut-peers",
  "cut-exchange",
  "pause-executor",
  "cut-link",
  "cut-store",
  "store-outage",
  "store-faults",
  "clock-jump",
  "source-change",
];

/** After the last fault everything must be right again within this much virtual time. */
export const CONVERGE_MS = 150_000;

const TTL_MS = 9_000;

/**
 * One run: schedulers and executors over a simulated store and network, faults for a while, then quiet. Throws a
 * {@link Violation} as soon as an invariant breaks, or when the cluster does not become right again.
 */
export class Simulation {
  readonly world: World;
  readonly store: SimStore;
  readonly truth: Truth;
  readonly source: SimSource;
  readonly #options: Required<Pick<SimulationOptions, "faultyMs" | "faults">> & SimulationOptions;
  readonly #settings: SimSettings;
  readonly #schedulers: (SimScheduler | undefined)[] = [];
  readonly #executors: (SimExecutor | undefined)[] = [];
  readonly #cuts = new Set<string>();
  readonly moves: MoveTruth;
  readonly #loads = { failing: 0 };
  /** Slots whose process is gone for good. */
  readonly #lostForGood = new Set<number>();
  #vanished = false;
  #failure: unknown;
  #generation = 0;

  constructor(options: SimulationOptions) {
    this.world = new World(options.seed);
    const { random } = this.world;
    this.#options = { faultyMs: random.between(10_000, 45_000), faults: ALL_FAULTS, ...options };
    this.#settings = {
      ttlMs: TTL_MS,
      lostAfterMs: 15_000,
      intervalMs: 10_000,
      maxInline: 5,
    };
    this.moves = new MoveTruth(this.world, this.#settings.lostAfterMs, (id, instance) =>
      this.#executors.find((executor) => executor?.id === id && executor.session.instance === instance),
    );
    this.truth = new Truth(
      this.world,
      () => this.store,
      TTL_MS,
      (last, next) => this.moves.onCommit(last, next),
    );
    this.store = new SimStore(this.world, (write) => this.truth.onWrite(write));
    this.source = new SimSource(this.world);
  }

  async run(): Promise<void> {
    const { random } = this.world;
    const { faultyMs, schedulers = random.between(1, 3), executors = random.between(1, 4) } = this.#options;
    this.#schedulers.length = schedulers;
    this.#executors.length = executors;
    for (let i = 0; i < schedulers; i += 1) this.#startScheduler(i, random.between(0, 2_000));
    for (let i = 0; i < executors; i += 1) this.#startExecutor(i, random.between(0, 5_000));
    const { faultCount: count = random.between(1, 6) } = this.#options;
    for (let i = 0; i < count; i += 1) {
      const kind = random.pick(this.#options.faults);
      this.world.after(random.between(1_000, faultyMs), () => this.#fault(kind));
    }
    const check = () => this.#check();
    await this.world.run(faultyMs, check);
    this.#heal();
    if (this.#vanished) {
      // Nothing may come back; that nothing is recreated is checked on every write.
      await this.world.run(faultyMs + 60_000, check);
      return;
    }
    const until = this.world.now + CONVERGE_MS;
    let nextLook = 0;
    const converged = await this.world.run(until, check, () => {
      if (this.world.now < nextLook) return false;
      nextLook = this.world.now + 500;
      return this.#difference() === undefined;
    });
    if (!converged)
      throw new Violation(`did not become right within ${CONVERGE_MS} ms: ${this.#difference()}`);
  }

  #startScheduler(index: number, delayMs: number): void {
    this.world.after(delayMs, () => {
      if (this.#schedulers[index] !== undefined) return;
      this.#schedulers[index] = this.#newScheduler(index);
    });
  }

  #newScheduler(index: number): SimScheduler {
    const process = new SimProcess(this.world, `scheduler ${index}`);
    // Some files are numbered by an operator, some not; numbers may also be old.
    const numbered = this.world.random.chance(0.5);
    if (numbered) this.#generation += this.world.random.between(-1, 2);
    const scheduler = new SimScheduler(
      this.world,
      process,
      `s${index}:50052`,
      this.store.client(process),
      this.source,
      this.truth,
      this.#settings,
      this.#options.bugs ?? {},
      numbered && this.#generation > 0 ? this.#generation : undefined,
      (id) => {
        const peer = this.#schedulers.findIndex((other) => other?.id === id);
        const reachable = this.#schedulers[peer]?.serving === true;
        return reachable && !this.#cuts.has(`peers ${index} ${peer}`) ? this.#schedulers[peer] : undefined;
      },
    );
    scheduler.start();
    return scheduler;
  }

  #startExecutor(index: number, delayMs: number): void {
    this.world.after(delayMs, () => {
      if (this.#executors[index] !== undefined || this.#lostForGood.has(index)) return;
      const process = new SimProcess(this.world, `executor ${index}`);
      const executor = new SimExecutor(
        this.world,
        process,
        `e${index}:50052`,
        this.#settings,
        this.truth,
        this.#options.bugs ?? {},
        (scheduler) => {
          const found = this.#schedulers[scheduler];
          const reachable = found?.serving === true && found.process.running;
          return reachable && !this.#cuts.has(`${index} ${scheduler}`) ? found : undefined;
        },
        (owner) => {
          const other = this.#executors.findIndex((executor) => executor?.id === owner);
          return this.#cuts.has(`exchange ${index} ${other}`) ? undefined : this.#executors[other];
        },
        this.#loads,
      );
      this.#executors[index] = executor;
      executor.start(this.#schedulers.length);
    });
  }

  /** After every step. */
  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    for (const executor of this.#executors) executor?.check();
    this.moves.check();
    // What a supervisor does: a process that ended by itself is started again.
    this.#schedulers.forEach((scheduler, i) => {
      if (scheduler?.ended === undefined) return;
      if (!(scheduler.ended instanceof ReplacedError || scheduler.ended instanceof AlreadyRegisteredError)) {
        // Where the document is gone a starting scheduler must not go on.
        if (!this.#vanished) throw scheduler.ended;
      }
      this.#dropScheduler(i);
      this.#startScheduler(i, 3_000);
    });
    this.#executors.forEach((executor, i) => {
      if (executor?.ended !== true) return;
      executor.kill();
      this.#executors[i] = undefined;
      this.#startExecutor(i, 3_000);
    });
  }

  #dropScheduler(index: number): void {
    this.#schedulers[index]?.kill();
    this.#schedulers[index] = undefined;
    for (const executor of this.#executors) executor?.cut(index, 2_000);
  }

  #fault(kind: FaultKind): void {
    const { random } = this.world;
    const forMs = random.between(500, 30_000);
    const s = random.between(0, this.#schedulers.length - 1);
    const e = random.between(0, this.#executors.length - 1);
    const scheduler = this.#schedulers[s];
    const executor = this.#executors[e];
    switch (kind) {
      case "kill-scheduler":
        this.#dropScheduler(s);
        this.#startScheduler(s, random.between(0, 40_000));
        break;
      case "pause-scheduler":
        scheduler?.process.pause();
        this.world.after(forMs, () => scheduler?.process.resume());
        break;
      case "stop-scheduler":
        void scheduler?.stop().then(() => {
          this.#failure ??= scheduler.failure;
          if (this.#schedulers[s] === scheduler) this.#dropScheduler(s);
          this.#startScheduler(s, random.between(0, 10_000));
        });
        break;
      case "twin-scheduler": {
        // A second process under an id that is held: it must wait, and give up when the holder lives.
        const twin = this.#newScheduler(s);
        this.world.after(forMs, () => twin.kill());
        break;
      }
      case "kill-executor":
        executor?.kill();
        this.#executors[e] = undefined;
        this.#startExecutor(e, random.between(0, random.chance(0.5) ? 20_000 : 60_000));
        break;
      case "lose-executor":
        // For good: at most one in a run, so that it can be told from a fault of the observer.
        if (this.#executors.length < 2 || this.#lostForGood.size > 0) break;
        this.#lostForGood.add(e);
        executor?.kill();
        this.#executors[e] = undefined;
        break;
      case "add-executor":
        this.#executors.push(undefined);
        this.#startExecutor(this.#executors.length - 1, 0);
        break;
      case "drain":
        if (scheduler?.serving !== true) break;
        this.#operate(scheduler, `e${e}:50052`, "draining");
        if (random.chance(0.5)) {
          this.world.after(forMs, () => {
            const other = this.#schedulers.find((candidate) => candidate?.serving === true);
            if (other !== undefined) this.#operate(other, `e${e}:50052`, "active");
          });
        }
        break;
      case "cut-peers": {
        const one = `peers ${s} ${random.between(0, this.#schedulers.length - 1)}`;
        this.#cuts.add(one);
        this.world.after(forMs, () => this.#cuts.delete(one));
        break;
      }
      case "cut-exchange": {
        const one = `exchange ${e} ${random.between(0, this.#executors.length - 1)}`;
        this.#cuts.add(one);
        this.world.after(forMs, () => this.#cuts.delete(one));
        break;
      }
      case "pause-executor":
        executor?.process.pause();
        this.world.after(forMs, () => executor?.process.resume());
        break;
      case "cut-link":
        this.#cuts.add(`${e} ${s}`);
        executor?.cut(s, 20_000);
        this.world.after(forMs, () => this.#cuts.delete(`${e} ${s}`));
        break;
      case "cut-store":
        if (scheduler === undefined) break;
        this.store.cutOff.add(scheduler.process);
        this.world.after(forMs, () => this.store.cutOff.delete(scheduler.process));
        break;
      case "store-outage":
        this.store.outage = true;
        this.world.after(forMs, () => {
          this.store.outage = false;
        });
        break;
      case "store-faults":
        this.store.faults = { lostReply: 0.1, lostRequest: 0.05, late: 0.05, conflict: 0.05 };
        this.source.failing = 0.2;
        this.#loads.failing = 0.2;
        break;
      case "clock-jump":
        for (const { process } of [...this.#schedulers, ...this.#executors].filter((p) => p !== undefined)) {
          process.jumpWallClock(random.between(-3_600_000, 3_600_000));
        }
        break;
      case "source-change":
        this.source.change();
        break;
      case "vanish":
        this.#vanished = true;
        this.store.objects.delete("cluster.json");
        break;
      default:
        kind satisfies never;
    }
  }

  #operate(scheduler: SimScheduler, executor: string, to: ExecutorState): void {
    // An operator whose request fails asks again, or does not.
    scheduler.setState(executor, to).catch(() => {});
  }

  #heal(): void {
    this.#loads.failing = 0;
    this.store.faults = NO_FAULTS;
    this.store.outage = false;
    this.store.cutOff.clear();
    this.source.failing = 0;
    this.#cuts.clear();
  }

  /** What is not yet as it should be; undefined when everything is. */
  #difference(): string | undefined {
    const { document } = this.truth;
    if (document === undefined) return "there is no document";
    for (const [i, scheduler] of this.#schedulers.entries()) {
      if (scheduler === undefined || !scheduler.process.running) return `scheduler ${i} does not run`;
      if (document.schedulers[scheduler.id]?.instance_id !== scheduler.instance)
        return `${scheduler.id} is not registered`;
    }
    if (document.app === undefined) return "no spicepod is in force";
    for (const { name } of this.source.tables) {
      const table = document.accelerations[name];
      if (table === undefined) return `${name} is not in the document`;
      if (!table.partitions.values.equals(this.source.values(name)))
        return `${name} has other values than its source`;
      // With every executor draining there is nobody to give them to.
      if (activeExecutors(document).length === 0) continue;
      if (table.partitions.unassignedCount() > 0) return `${name} has partitions without an owner`;
      if (table.partitions.columns.extras.size > 0) return `${name} has partitions on the move`;
    }
    const names = this.source.tables.map(({ name }) => name);
    for (const scheduler of activeExecutors(document).length === 0 ? [] : this.#schedulers) {
      const unready = scheduler?.reports.readiness(document, names).find((t) => t.loaded < t.partitions);
      if (unready !== undefined)
        return `${scheduler!.id} has not heard that all of ${unready.name} is loaded`;
    }
    const unbalanced = imbalance(document);
    if (unbalanced !== undefined) return unbalanced;
    for (const [i, executor] of this.#executors.entries()) {
      if (this.#lostForGood.has(i)) {
        if (document.executors[`e${i}:50052`] !== undefined) return `executor ${i} is lost and still there`;
        continue;
      }
      if (executor === undefined || !executor.process.running) return `executor ${i} does not run`;
      if (document.executors[executor.id]?.instance_id !== executor.session.instance)
        return `${executor.id} is not registered`;
      if (!executor.session.mayServe(executor.process.clock.monotonicMs()))
        return `${executor.id} may not serve`;
      if (executor.session.app?.generation !== document.app.generation)
        return `${executor.id} runs another spicepod`;
      for (const table of Object.values(document.accelerations)) {
        const given = slicesOf(table).get(executor.id) ?? [];
        for (const { key, epoch } of given) {
          if (executor.session.held(table.table_name, key)?.epoch !== epoch) {
            return `${executor.id} does not know of ${table.table_name} ${key} at epoch ${epoch}`;
          }
        }
        const known = [...executor.session.assignments].find((a) => a.table === table.table_name)?.partitions;
        if ((known?.length ?? 0) !== given.length)
          return `${executor.id} holds too much of ${table.table_name}`;
      }
    }
    return undefined;
  }
}

/** What moves have still to do; undefined when the active executors are balanced and the draining ones empty. */
function imbalance(document: ClusterDocument): string | undefined {
  const ids = Object.keys(document.executors);
  const active = activeExecutors(document);
  const owned = new Map<string, number>();
  for (const { partitions } of Object.values(document.accelerations)) {
    for (const [id, count] of partitions.ownedCounts()) owned.set(id, (owned.get(id) ?? 0) + count);
  }
  // Without another active executor a drain is blocked.
  if (active.length === 0) return undefined;
  const full = ids.find((id) => document.executors[id]!.state === "draining" && owned.has(id));
  if (full !== undefined) return `${full} is not drained`;
  // While one drains the others are not balanced.
  if (active.length < ids.length) return undefined;
  const counts = active.map((id) => owned.get(id) ?? 0);
  const spread = Math.max(...counts) - Math.min(...counts);
  return spread > 1 ? `the executors own ${counts.join(", ")} partitions` : undefined;
}
