import { AlreadyRegisteredError } from "../../src/core/cluster/errors.ts";
import { ReplacedError } from "../../src/scheduler/state/heartbeat.ts";
import { SimProcess } from "./process.ts";
import type { SimSettings } from "./settings.ts";
import { type ExecutorBugs, SimExecutor } from "./sim-executor.ts";
import { type SchedulerBugs, SimScheduler } from "./sim-scheduler.ts";
import type { SimSource } from "./source.ts";
import type { SimStore } from "./store.ts";
import type { Truth } from "./truth.ts";
import type { World } from "./world.ts";

export interface SimClusterOptions {
  readonly world: World;
  readonly store: SimStore;
  readonly source: SimSource;
  readonly truth: Truth;
  readonly settings: SimSettings;
  readonly bugs: SchedulerBugs & ExecutorBugs;
  /** Something happened that a schedule is worth having for. */
  readonly note: (what: string) => void;
}

/** The processes of a run: each has a slot, in which a supervisor starts it again; and what is cut between them. */
export class SimCluster {
  readonly schedulers: (SimScheduler | undefined)[] = [];
  readonly executors: (SimExecutor | undefined)[] = [];
  /** `executor scheduler`, `peers a b` or `exchange a b`, by slot. */
  readonly cuts = new Set<string>();
  /** Slots of executors whose process is gone for good. */
  readonly lostForGood = new Set<number>();
  readonly loads = { failing: 0 };
  readonly #options: SimClusterOptions;
  #generation = 0;

  constructor(options: SimClusterOptions) {
    this.#options = options;
  }

  startScheduler(index: number, delayMs: number): void {
    this.#options.world.after(delayMs, () => {
      if (this.schedulers[index] !== undefined) return;
      this.schedulers[index] = this.newScheduler(index);
    });
  }

  /** A process under the id of a slot, whoever is in that slot. */
  newScheduler(index: number): SimScheduler {
    const { world, store, source, truth, settings, bugs, note } = this.#options;
    const process = new SimProcess(world, `scheduler ${index}`);
    // Some files are numbered by an operator, some not; numbers may also be old.
    const numbered = world.random.chance(0.5);
    if (numbered) this.#generation += world.random.between(-1, 2);
    const scheduler = new SimScheduler({
      world,
      process,
      id: `s${index}:50052`,
      store: store.client(process),
      source,
      truth,
      settings,
      bugs,
      appGeneration: numbered && this.#generation > 0 ? this.#generation : undefined,
      findPeer: (id) => {
        const peer = this.schedulers.findIndex((other) => other?.id === id);
        const reachable = this.schedulers[peer]?.serving === true;
        return reachable && !this.cuts.has(`peers ${index} ${peer}`) ? this.schedulers[peer] : undefined;
      },
      note,
    });
    scheduler.start();
    return scheduler;
  }

  startExecutor(index: number, delayMs: number): void {
    const { world, settings, truth, bugs, note } = this.#options;
    world.after(delayMs, () => {
      if (this.executors[index] !== undefined || this.lostForGood.has(index)) return;
      const executor = new SimExecutor({
        world,
        process: new SimProcess(world, `executor ${index}`),
        id: `e${index}:50052`,
        settings,
        truth,
        bugs,
        find: (scheduler) => {
          const found = this.schedulers[scheduler];
          const reachable = found?.serving === true && found.process.running;
          return reachable && !this.cuts.has(`${index} ${scheduler}`) ? found : undefined;
        },
        findOwner: (owner) => {
          const other = this.executors.findIndex((executor) => executor?.id === owner);
          return this.cuts.has(`exchange ${index} ${other}`) ? undefined : this.executors[other];
        },
        loads: this.loads,
        note,
      });
      this.executors[index] = executor;
      executor.start(this.schedulers.length);
    });
  }

  dropScheduler(index: number): void {
    this.schedulers[index]?.kill();
    this.schedulers[index] = undefined;
    for (const executor of this.executors) executor?.cut(index, 2_000);
  }

  /**
   * What a supervisor does: a process that ended by itself is started again. Throws what a scheduler must not end by;
   * with `vanished`, where the document is gone, it may end by anything.
   */
  supervise(vanished: boolean): void {
    for (let i = 0; i < this.schedulers.length; i += 1) {
      const ended = this.schedulers[i]?.ended;
      if (ended === undefined) continue;
      const usual = ended instanceof ReplacedError || ended instanceof AlreadyRegisteredError;
      if (!usual && !vanished) throw ended;
      this.dropScheduler(i);
      this.startScheduler(i, 3_000);
    }
    for (let i = 0; i < this.executors.length; i += 1) {
      const executor = this.executors[i];
      if (executor?.ended !== true) continue;
      executor.kill();
      this.executors[i] = undefined;
      this.startExecutor(i, 3_000);
    }
  }
}
