import type { Progress } from "./progress.ts";
import type { TextAnswer, TextRoutes } from "./text-server.ts";

/** Longer than any reconcile may take: what is over it is a hang, which a restart ends. */
const stuckMs = 10 * 60_000;

/** What the process knows about itself. */
export interface HealthState {
  readonly progress: Progress;
  /** The webhook has its certificate, or none is served. */
  webhookReady: boolean;
  /** The controller of the present term; none while another replica leads. */
  controller: { readonly synced: boolean } | undefined;
  stopping: boolean;
}

/**
 * `/health`: whether the event loop turns (there is an answer) and the queue moves. `/ready`: whether the caches of a
 * leader are complete and the webhook is served; a replica that waits to lead is ready too.
 */
export function healthRoutes(state: HealthState): TextRoutes {
  return { "/health": () => answer(notHealthy(state)), "/ready": () => answer(notReady(state)) };
}

function answer(why: string | undefined): TextAnswer {
  return why === undefined ? { code: 200, text: "ok\n" } : { code: 503, text: `${why}\n` };
}

function notHealthy({ progress }: HealthState): string | undefined {
  const ms = progress.stuckMs();
  return ms < stuckMs ? undefined : `work has waited for ${Math.floor(ms / 1000)} s and nothing has ended`;
}

function notReady({ stopping, webhookReady, controller }: HealthState): string | undefined {
  if (stopping) return "stopping";
  if (!webhookReady) return "the webhook has no certificate yet";
  return controller === undefined || controller.synced ? undefined : "the caches are not complete yet";
}
