import type { Reason } from "../api/conditions.ts";

/** How a step of the pipeline ended. */
export type StepOutcome =
  | { readonly kind: "continue" }
  /** The steps after it wait for `afterMs`. */
  | {
      readonly kind: "requeue";
      readonly afterMs: number;
      readonly reason: Reason;
      readonly message: string;
      /** It takes its time, and nothing is wrong. */
      readonly isUnderWay?: boolean;
    }
  /** The steps after it wait until somebody changes something. What runs is left alone. */
  | { readonly kind: "blocked"; readonly reason: Reason; readonly message: string };

export const goOn: StepOutcome = { kind: "continue" };

export function blocked(reason: Reason, message: string): StepOutcome {
  return { kind: "blocked", reason, message };
}

export function requeue(afterMs: number, reason: Reason, message: string): StepOutcome {
  return { kind: "requeue", afterMs, reason, message };
}
