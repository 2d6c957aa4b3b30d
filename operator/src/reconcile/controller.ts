import { Applier, Discovery, TokenBucket, WorkQueue, withDeadline } from "@spice-shards/kube";
import { Caches } from "./cache/caches.ts";
import type { Controller, ControllerDeps } from "./controller-api.ts";
import { messageOf } from "./problems.ts";
import { applierOptions, Reconciler } from "./reconciler.ts";
import { SecretStore } from "./secret-store.ts";
import { StateLocations } from "./state-locations.ts";

/** Between two passes over a cluster that nobody asked for: a burst of changes is answered by one. */
const spacingMs = 500;
/** What is created within one second, as the API server counts them, is seen within this time. */
const oneSecondMs = 1500;
/** No pass takes longer: each of its requests has a time of its own. */
const passAtMostMs = 300_000;

/** Reconciles all SpicepodClusters that `settings` lets it see (spec chapter 09). */
export function createController(deps: ControllerDeps): Controller {
  return new ClusterController(deps);
}

/**
 * ```
 * watches ──▶ caches ──key──▶ queue ──▶ reconciler ──▶ API server
 *                               ▲            │
 *                               └─ look again┘
 * ```
 */
class ClusterController implements Controller {
  readonly #deps: ControllerDeps;
  readonly #queue: WorkQueue;
  readonly #caches: Caches;
  readonly #reconciler: Reconciler;
  readonly #stateLocations = new StateLocations();
  /** When a pass over a cluster began or ended last (monotonic). */
  readonly #lookedAt = new Map<string, number>();

  constructor(deps: ControllerDeps) {
    const { client, clock, random, settings, log, metrics } = deps;
    this.#deps = deps;
    this.#queue = new WorkQueue({
      clock,
      random,
      retryLimit: new TokenBucket({ perSecond: 10, burst: 100, clock }),
      metrics: {
        depth: (keys) => metrics.queueDepth(keys),
        started: (_, waitedMs) => metrics.dequeued(waitedMs),
      },
      onError: (key, error) => log.error("a reconcile broke", { cluster: key, error: messageOf(error) }),
    });
    const discovery = new Discovery({ client, clock });
    this.#caches = new Caches({
      client,
      discovery,
      clock,
      random,
      settings,
      onCluster: (key, change, version) => this.#onChange(key, change, version),
      onError: (error) => log.warn("a watch failed and begins again", { error: messageOf(error) }),
      onWatchEnd: (resource, why) => metrics.watchEnded(resource, why),
    });
    this.#reconciler = new Reconciler({
      ...deps,
      applier: new Applier({ client, ...applierOptions }),
      secrets: new SecretStore(client),
      caches: this.#caches,
      discovery,
      stateLocations: this.#stateLocations,
    });
  }

  get synced(): boolean {
    return this.#caches.hasSynced;
  }

  async run(signal: AbortSignal): Promise<void> {
    const watching = this.#caches.run(signal);
    try {
      await this.#caches.synced(signal);
      // Whoever is older must be known before anybody is judged by it.
      for (const key of this.#caches.clusters()) this.#reconciler.notice(key);
      const concurrency = this.#deps.settings.workers;
      await this.#queue.run((key, stop) => this.#reconcile(key, stop), { concurrency, signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      await watching;
      this.#reconciler.close();
    }
  }

  /** People's changes go before what follows from them, and what follows comes in bursts that one pass answers. */
  #onChange(key: string, change: "cluster" | "child", version: string | undefined): void {
    if (change === "cluster") {
      this.#tellOthers(key, () => this.#reconciler.notice(key));
      // Whoever was created in the same second must be known before one of them is let in to a state location.
      this.#queue.addAfter(key, this.#stateLocations.isWaiting(key) ? oneSecondMs : 0, "urgent");
      return;
    }
    if (version !== undefined && this.#reconciler.isOwnWrite(key, version)) return;
    const lookedAt = this.#lookedAt.get(key) ?? Number.NEGATIVE_INFINITY;
    this.#queue.addAfter(key, lookedAt + spacingMs - this.#deps.clock.monotonicMs());
  }

  /** Has those look again for whom a change of a cluster's state location matters: it became free, or was taken. */
  #tellOthers(key: string, change: () => void): void {
    const before = this.#stateLocations.othersOf(key);
    change();
    this.#addDifference(before, this.#stateLocations.othersOf(key));
  }

  #addDifference(before: readonly string[], now: readonly string[]): void {
    for (const other of new Set([...before, ...now]))
      if (before.includes(other) !== now.includes(other)) this.#queue.add(other);
  }

  async #reconcile(key: string, signal: AbortSignal) {
    const { clock, metrics } = this.#deps;
    const startedAt = clock.monotonicMs();
    const others = this.#stateLocations.othersOf(key);
    this.#lookedAt.set(key, startedAt);
    try {
      const { result, outcome, paused } = await withDeadline(clock, passAtMostMs, signal, (inTime) =>
        this.#reconciler.reconcile(key, inTime),
      );
      metrics.reconciled(result, clock.monotonicMs() - startedAt);
      if (paused !== undefined) {
        metrics.paused(key, paused);
        metrics.cluster(key, this.#caches.cluster(key)?.status ?? {});
        this.#lookedAt.set(key, clock.monotonicMs());
      } else if (result !== "error") {
        metrics.forget(key);
        this.#lookedAt.delete(key);
      }
      return outcome;
    } catch (error) {
      if (!signal.aborted) metrics.reconciled("error", clock.monotonicMs() - startedAt);
      throw error;
    } finally {
      // A pass learns of locations in ConfigMaps, and of clusters that are gone.
      this.#addDifference(others, this.#stateLocations.othersOf(key));
    }
  }
}
