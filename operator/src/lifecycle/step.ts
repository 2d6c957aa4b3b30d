import type { Reason } from "../api/conditions.ts";
import type { ExecutorAction } from "./types.ts";

/** A reason with its sentence, for a condition. */
export interface Note {
  readonly reason: Reason;
  readonly message: string;
}

/** What one concern wants to do now. */
export interface Step {
  readonly actions: readonly ExecutorAction[];
  /** What is under way. */
  readonly progress: readonly Note[];
  /** What stands in the way until somebody does something about it. */
  readonly problems: readonly Note[];
  /** When to look again although no object changes. */
  readonly requeueMs?: number;
}

/** How often to look at what only schedulers can tell: drains. */
export const lookAgainMs = 2_000;
/** The same for partitions that load, which may take hours. */
export const loadingMs = 5_000;
/** How often to try schedulers that did not answer. */
export const retryMs = 10_000;

export const nothing: Step = { actions: [], progress: [], problems: [] };

/** A step of these parts. */
export function step(parts: Partial<Step>): Step {
  return { ...nothing, ...parts };
}

/** Steps as one, in order. */
export function join(steps: readonly Step[]): Step {
  const delays = steps.map((s) => s.requeueMs).filter((ms) => ms !== undefined);
  return {
    actions: steps.flatMap((s) => s.actions),
    progress: steps.flatMap((s) => s.progress),
    problems: steps.flatMap((s) => s.problems),
    ...(delays.length === 0 ? {} : { requeueMs: Math.min(...delays) }),
  };
}

/** Nobody can be asked. */
export function unreachable(reason: string, what: string): Step {
  return step({
    problems: [{ reason: "SchedulerUnreachable", message: `${what}: no scheduler can be asked: ${reason}` }],
    requeueMs: retryMs,
  });
}
