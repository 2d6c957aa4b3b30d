import type { ExecutorState } from "../../src/core/cluster/document/document.ts";
import type { FaultKind } from "./fault-kinds.ts";
import type { SimCluster } from "./sim-cluster.ts";
import type { SimScheduler } from "./sim-scheduler.ts";
import type { SimSource } from "./source.ts";
import { NO_FAULTS, type SimStore } from "./store.ts";
import type { World } from "./world.ts";

/** Makes faults happen to a cluster, and ends all of them at once. */
export class Faults {
  /** The document was deleted. */
  vanished = false;
  /** An error that a clean stop must not end with. */
  failure: unknown;
  readonly #world: World;
  readonly #store: SimStore;
  readonly #source: SimSource;
  readonly #cluster: SimCluster;

  constructor(world: World, store: SimStore, source: SimSource, cluster: SimCluster) {
    this.#world = world;
    this.#store = store;
    this.#source = source;
    this.#cluster = cluster;
  }

  /** False when there was nothing that this kind of fault could happen to. */
  strike(kind: FaultKind): boolean {
    const { random } = this.#world;
    const cluster = this.#cluster;
    const forMs = random.between(500, 30_000);
    const s = random.between(0, cluster.schedulers.length - 1);
    const e = random.between(0, cluster.executors.length - 1);
    const scheduler = cluster.schedulers[s];
    const executor = cluster.executors[e];
    switch (kind) {
      case "kill-scheduler":
        cluster.dropScheduler(s);
        cluster.startScheduler(s, random.between(0, 40_000));
        return scheduler !== undefined;
      case "pause-scheduler":
        scheduler?.process.pause();
        this.#world.after(forMs, () => scheduler?.process.resume());
        return scheduler !== undefined;
      case "stop-scheduler":
        void scheduler?.stop().then(() => {
          this.failure ??= scheduler.failure;
          if (cluster.schedulers[s] === scheduler) cluster.dropScheduler(s);
          cluster.startScheduler(s, random.between(0, 10_000));
        });
        return scheduler !== undefined;
      case "twin-scheduler": {
        // A second process under an id that is held: it must wait, and give up when the holder lives.
        const twin = cluster.newScheduler(s);
        this.#world.after(forMs, () => twin.kill());
        return scheduler !== undefined;
      }
      case "kill-executor":
        executor?.kill();
        cluster.executors[e] = undefined;
        cluster.startExecutor(e, random.between(0, random.chance(0.5) ? 20_000 : 60_000));
        return executor !== undefined;
      case "lose-executor":
        // For good: at most one in a run, so that it can be told from a fault of the observer.
        if (cluster.executors.length < 2 || cluster.lostForGood.size > 0) return false;
        cluster.lostForGood.add(e);
        executor?.kill();
        cluster.executors[e] = undefined;
        return executor !== undefined;
      case "add-executor":
        cluster.executors.push(undefined);
        cluster.startExecutor(cluster.executors.length - 1, 0);
        return true;
      case "drain":
        return this.#drain(scheduler, `e${e}:50052`, forMs);
      case "cut-peers":
        return this.#cut(`peers ${s} ${random.between(0, cluster.schedulers.length - 1)}`, forMs);
      case "cut-exchange":
        return this.#cut(`exchange ${e} ${random.between(0, cluster.executors.length - 1)}`, forMs);
      case "cut-link":
        executor?.cut(s, 20_000);
        return this.#cut(`${e} ${s}`, forMs) && executor !== undefined;
      case "pause-executor":
        executor?.process.pause();
        this.#world.after(forMs, () => executor?.process.resume());
        return executor !== undefined;
      case "cut-store":
        if (scheduler === undefined) return false;
        this.#store.cutOff.add(scheduler.process);
        this.#world.after(forMs, () => this.#store.cutOff.delete(scheduler.process));
        return true;
      case "store-outage":
        this.#store.outage = true;
        this.#world.after(forMs, () => {
          this.#store.outage = false;
        });
        return true;
      case "store-faults":
        this.#store.faults = { lostReply: 0.1, lostRequest: 0.05, late: 0.05, conflict: 0.05 };
        this.#source.failing = 0.2;
        cluster.loads.failing = 0.2;
        return true;
      case "clock-jump":
        for (const { process } of [...cluster.schedulers, ...cluster.executors].filter(
          (p) => p !== undefined,
        )) {
          process.jumpWallClock(random.between(-3_600_000, 3_600_000));
        }
        return true;
      case "source-change":
        this.#source.change();
        return true;
      case "vanish":
        this.vanished = true;
        return this.#store.objects.delete("cluster.json");
      default:
        return kind satisfies never;
    }
  }

  heal(): void {
    this.#cluster.loads.failing = 0;
    this.#cluster.cuts.clear();
    this.#store.faults = NO_FAULTS;
    this.#store.outage = false;
    this.#store.cutOff.clear();
    this.#source.failing = 0;
  }

  #cut(what: string, forMs: number): boolean {
    this.#cluster.cuts.add(what);
    this.#world.after(forMs, () => this.#cluster.cuts.delete(what));
    const [, one, other] = what.split(" ");
    return other === undefined || one !== other;
  }

  #drain(scheduler: SimScheduler | undefined, executor: string, forMs: number): boolean {
    if (scheduler?.serving !== true) return false;
    this.#operate(scheduler, executor, "draining");
    if (this.#world.random.chance(0.5)) {
      this.#world.after(forMs, () => {
        const other = this.#cluster.schedulers.find((candidate) => candidate?.serving === true);
        if (other !== undefined) this.#operate(other, executor, "active");
      });
    }
    return true;
  }

  #operate(scheduler: SimScheduler, executor: string, to: ExecutorState): void {
    // An operator whose request fails asks again, or does not.
    scheduler.setState(executor, to).catch(() => {});
  }
}
