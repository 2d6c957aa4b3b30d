import type { Client, Clock, EventNote, KubeObject, Random } from "@spice-shards/kube";
import type { AdminDialer } from "../admin/port.ts";
import type { Log } from "../log.ts";
import type { OperatorMetrics } from "../metrics.ts";
import type { OperatorSettings } from "./settings.ts";

/** What the controller works with; `createController(deps): Controller` is in controller.ts. */
export interface ControllerDeps {
  readonly client: Client;
  readonly dialer: AdminDialer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: OperatorMetrics;
  /** An EventRecorder, whose `run` the caller owns. */
  readonly events: { record(regarding: KubeObject, event: EventNote): void };
  readonly settings: OperatorSettings;
}

/** Reconciles all SpicepodClusters while it runs. */
export interface Controller {
  /** Runs until `signal` aborts, then ends the reconciles under way and resolves. Call it once. */
  run(signal: AbortSignal): Promise<void>;
  /** Whether all caches have been complete once: the process is ready. */
  readonly synced: boolean;
}
