import type { DrainResponse } from "@spice-shards/proto";
import { messageOf } from "../core/text/message-of.ts";
import type { Clock } from "../ports/clock.ts";

export interface HandOverOptions {
  /** Asks a scheduler to have everything moved off this executor; the answer may wait for the end. */
  ask(signal: AbortSignal): Promise<Pick<DrainResponse, "state" | "remaining" | "reason">>;
  readonly clock: Clock;
  readonly log: {
    info(detail: Record<string, unknown>, message: string): void;
    warn(detail: Record<string, unknown>, message: string): void;
  };
}

/** An obstacle that lasts as long does not go away in time, as when all executors stop at once. */
const PATIENCE_MS = 2_000;
const AGAIN_MS = 250;

/**
 * Before an executor ends: others take what it owns, while it goes on serving. Ends when it is empty, when nobody can take
 * it or be asked for two seconds, or after `withinMs`. Never throws: the executor ends in any case.
 */
export async function handOver({ ask, clock, log }: HandOverOptions, withinMs: number): Promise<void> {
  const began = clock.monotonicMs();
  const until = began + withinMs;
  let heldUpAtMs: number | undefined;
  for (;;) {
    let why: string | undefined;
    try {
      const { state, remaining, reason } = await ask(
        AbortSignal.timeout(Math.max(1, Math.ceil(until - clock.monotonicMs()))),
      );
      if (state === "DRAINED") {
        const tookMs = Math.round(clock.monotonicMs() - began);
        log.info({ took_ms: tookMs }, "Others took over what this executor owned");
        return;
      }
      if (state === "BLOCKED") why = `${remaining} partitions cannot be moved: ${reason}`;
    } catch (error) {
      why = messageOf(error);
    }
    const now = clock.monotonicMs();
    heldUpAtMs = why === undefined ? undefined : (heldUpAtMs ?? now);
    const stuck = heldUpAtMs !== undefined && now - heldUpAtMs >= PATIENCE_MS;
    if (stuck || now + AGAIN_MS >= until) {
      log.warn({ cause: why ?? "time is over" }, "This executor ends before others took over what it owns");
      return;
    }
    await clock.sleep(AGAIN_MS);
  }
}
