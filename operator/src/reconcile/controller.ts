import { Applier, Discovery, objectKey, TokenBucket, WorkQueue, withDeadline } from "@spice-shards/kube";
import { Caches } from "./caches.ts";
import type { Controller, ControllerDeps } from "./controller-api.ts";
import { messageOf } from "./problems.ts";
import { applierOptions, Reconciler } from "./reconciler.ts";
import { SecretStore } from "./secret-store.ts";
import { StateLocations } from "./state-locations.ts";

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

  constructor(deps: ControllerDeps) {
    const { client, clock, random, settings, log, metrics } = deps;
    this.#deps = deps;
    this.#queue = new WorkQueue({
      clock,
      random,
      retryLimit: new TokenBucket({ perSecond: 10, burst: 100, clock }),
      metrics: { depth: (keys) => metrics.queueDepth(keys) },
      onError: (key, error) => log.error("a reconcile broke", { cluster: key, error: messageOf(error) }),
    });
    this.#caches = new Caches({
      client,
      clock,
      random,
      settings,
      // People's changes go before what follows from them.
      onCluster: (key, change) => this.#queue.add(key, change === "cluster" ? "urgent" : "normal"),
      onError: (error) => log.warn("a watch failed and begins again", { error: messageOf(error) }),
    });
    this.#reconciler = new Reconciler({
      ...deps,
      applier: new Applier({ client, ...applierOptions }),
      secrets: new SecretStore(client),
      caches: this.#caches,
      discovery: new Discovery({ client, clock }),
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
      for (const cluster of this.#caches.clusters()) this.#reconciler.notice(objectKey(cluster));
      const concurrency = this.#deps.settings.workers;
      await this.#queue.run((key, stop) => this.#reconcile(key, stop), { concurrency, signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      await watching;
      this.#reconciler.close();
    }
  }

  async #reconcile(key: string, signal: AbortSignal) {
    const { clock, metrics } = this.#deps;
    const startedAt = clock.monotonicMs();
    const others = this.#stateLocations.othersOf(key);
    try {
      const { result, outcome, paused } = await withDeadline(clock, passAtMostMs, signal, (inTime) =>
        this.#reconciler.reconcile(key, inTime),
      );
      metrics.reconciled(result, clock.monotonicMs() - startedAt);
      if (paused === undefined) metrics.forget(key);
      else metrics.paused(key, paused);
      return outcome;
    } catch (error) {
      if (!signal.aborted) metrics.reconciled("error", clock.monotonicMs() - startedAt);
      throw error;
    } finally {
      // A location that became free, or was found to be an older cluster's, concerns whoever shares it.
      const now = this.#stateLocations.othersOf(key);
      for (const other of new Set([...others, ...now]))
        if (others.includes(other) !== now.includes(other)) this.#queue.add(other);
    }
  }
}
