import { differenceOf } from "./difference.ts";
import { ALL_FAULTS, type FaultKind } from "./fault-kinds.ts";
import { Faults } from "./faults.ts";
import { Happenings } from "./happenings.ts";
import { MoveTruth } from "./move-truth.ts";
import { SimCluster } from "./sim-cluster.ts";
import type { ExecutorBugs } from "./sim-executor.ts";
import type { SchedulerBugs } from "./sim-scheduler.ts";
import { SimSource } from "./source.ts";
import { SimStore } from "./store.ts";
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

/** After the last fault everything must be right again within this much virtual time. */
export const CONVERGE_MS = 150_000;

const SETTINGS = {
  ttlMs: 9_000,
  lostAfterMs: 15_000,
  intervalMs: 10_000,
  maxInline: 5,
};

/**
 * One run: schedulers and executors over a simulated store and network, faults for a while, then quiet. Throws a
 * {@link Violation} as soon as an invariant breaks, or when the cluster does not become right again.
 */
export class Simulation {
  readonly world: World;
  readonly store: SimStore;
  readonly truth: Truth;
  readonly moves: MoveTruth;
  /** What happened in this run, see {@link Coverage}. */
  readonly noted = new Set<string>();
  readonly #source: SimSource;
  readonly #cluster: SimCluster;
  readonly #faults: Faults;
  readonly #options: Required<Pick<SimulationOptions, "faultyMs" | "faults">> & SimulationOptions;

  constructor(options: SimulationOptions) {
    const { seed, bugs = {} } = options;
    const world = new World(seed);
    this.world = world;
    this.#options = { faultyMs: world.random.between(10_000, 45_000), faults: ALL_FAULTS, ...options };
    const { ttlMs, lostAfterMs } = SETTINGS;
    const note = (what: string) => void this.noted.add(what);
    this.moves = new MoveTruth(world, lostAfterMs, (id, instance) =>
      this.#cluster.executors.find(
        (executor) => executor?.id === id && executor.session.instance === instance,
      ),
    );
    const happenings = new Happenings();
    this.truth = new Truth(
      world,
      () => this.store,
      ttlMs,
      (last, next) => {
        this.moves.onCommit(last, next);
        happenings.between(last, next).forEach(note);
      },
    );
    this.store = new SimStore(world, (write) => this.truth.onWrite(write), note);
    this.#source = new SimSource(world);
    const { store, truth } = this;
    const source = this.#source;
    this.#cluster = new SimCluster({ world, store, source, truth, settings: SETTINGS, bugs, note });
    this.#faults = new Faults(world, store, source, this.#cluster);
  }

  async run(): Promise<void> {
    const { random } = this.world;
    const { faultyMs, schedulers = random.between(1, 3), executors = random.between(1, 4) } = this.#options;
    const cluster = this.#cluster;
    cluster.schedulers.length = schedulers;
    cluster.executors.length = executors;
    for (let i = 0; i < schedulers; i += 1) cluster.startScheduler(i, random.between(0, 2_000));
    for (let i = 0; i < executors; i += 1) cluster.startExecutor(i, random.between(0, 5_000));
    const { faultCount: count = random.between(1, 6) } = this.#options;
    for (let i = 0; i < count; i += 1) {
      const kind = random.pick(this.#options.faults);
      this.world.after(random.between(1_000, faultyMs), () => {
        if (this.#faults.strike(kind)) this.noted.add(kind);
      });
    }
    const check = () => this.#check();
    await this.world.run(faultyMs, check);
    this.#faults.heal();
    if (this.#faults.vanished) {
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

  /** After every step. */
  #check(): void {
    if (this.#faults.failure !== undefined) throw this.#faults.failure;
    for (const executor of this.#cluster.executors) executor?.check();
    this.moves.check();
    this.#cluster.supervise(this.#faults.vanished);
  }

  #difference(): string | undefined {
    return differenceOf(this.truth.document, this.#source, this.#cluster);
  }
}
