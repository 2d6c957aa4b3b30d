import { isConflict, StatusError } from "@spice-shards/kube";
import type { Problem } from "../status/facts.ts";
import type { StepOutcome } from "./outcome.ts";

/** What a step's end means for the status; undefined when it went on. */
export function problemOf(outcome: StepOutcome): Problem | undefined {
  switch (outcome.kind) {
    case "continue":
      return undefined;
    case "requeue":
      return {
        ...{ reason: outcome.reason, message: outcome.message, terminal: false },
        ...(outcome.isUnderWay === true ? { isUnderWay: true } : {}),
      };
    case "blocked":
      return { reason: outcome.reason, message: outcome.message, terminal: true };
    default:
      return outcome satisfies never;
  }
}

/** How long what should pass by itself is no news: longer than an API server takes to start again. */
const lastingMs = 20_000;

/**
 * An error as a condition tells it; undefined for what passes by itself, unless every attempt has failed for `failingMs`
 * that are too many: a conflict, an API server that is away, busy or starting.
 */
export function problemOfError(error: unknown, failingMs: number): Problem | undefined {
  if (isTransient(error) && failingMs < lastingMs) return undefined;
  return { reason: "ApiError", message: messageOf(error), terminal: false };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const transientNames = new Set(["ConnectionError", "DeadlineError", "SchedulerUnreachableError"]);
/** 403: one that starts refuses whoever has their rights by a role until it has read the roles. */
const transientCodes = new Set([403, 429, 502, 503, 504]);

function isTransient(error: unknown): boolean {
  if (error instanceof StatusError) return isConflict(error) || transientCodes.has(error.code);
  return error instanceof Error && transientNames.has(error.name);
}
