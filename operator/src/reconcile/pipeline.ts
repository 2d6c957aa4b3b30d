import type { ClusterView } from "../lifecycle/types.ts";
import type { Problem } from "../status/facts.ts";
import type { AdminAccess } from "./admin-access.ts";
import { type PlannedExecutors, planNodes } from "./executor-plan.ts";
import { doubtSecrets } from "./observe/node-reports.ts";
import type { StepOutcome } from "./outcome.ts";
import type { Pass } from "./pass.ts";
import { problemOf, problemOfError } from "./problems.ts";
import { budgets } from "./steps/budgets.ts";
import { certificates } from "./steps/certificates.ts";
import { config } from "./steps/config.ts";
import { executors } from "./steps/executors.ts";
import { schedulers } from "./steps/schedulers.ts";
import { services } from "./steps/services.ts";
import { validate } from "./steps/validate.ts";

/** What came of a pass: what the status tells, and what the queue must know. */
export interface PipelineResult {
  /** The step that ended the pass early. */
  readonly stoppedAt: string | undefined;
  readonly problem: Problem | undefined;
  /** What was thrown: the pass is tried again with a growing delay. */
  readonly error: unknown;
  readonly requeueMs: number | undefined;
  readonly planned: PlannedExecutors | undefined;
  readonly view: ClusterView | undefined;
}

/**
 * validate → certificates → config → services → schedulers → executors → disruption budgets (spec chapter 09). The first
 * step that does not continue ends the pass; the status is written in any case, by the caller.
 */
export async function runPipeline(pass: Pass, admin: AdminAccess): Promise<PipelineResult> {
  let planned: PlannedExecutors | undefined;
  const plan = async () => {
    planned ??= await planNodes(pass, admin);
    return planned;
  };
  const steps: readonly (readonly [name: string, run: () => Promise<StepOutcome>])[] = [
    ["certificates", () => certificates(pass, admin)],
    ["config", () => config(pass)],
    ["services", () => services(pass)],
    ["schedulers", async () => schedulers(pass, (await plan()).plan.schedulersMayRoll)],
    ["executors", async () => executors(pass, admin, await plan())],
    ["budgets", () => budgets(pass)],
  ];
  let stoppedAt: string | undefined = "validate";
  let outcome: StepOutcome = { kind: "continue" };
  let error: unknown;
  try {
    outcome = await validate(pass);
    // A pause by the user is a plan without actions, for its conditions.
    const paused = pass.isValid && pass.valid.cluster.spec.paused;
    if (paused) await plan();
    for (const [name, run] of paused || outcome.kind !== "continue" ? [] : steps) {
      stoppedAt = name;
      outcome = await run();
      if (outcome.kind !== "continue") break;
    }
    if (outcome.kind === "continue") stoppedAt = undefined;
  } catch (thrown) {
    if (pass.signal.aborted) throw thrown;
    error = thrown;
  }
  const nowMs = pass.deps.clock.monotonicMs();
  pass.memory.failingSinceMs = error === undefined ? undefined : (pass.memory.failingSinceMs ?? nowMs);
  const asked = error === undefined && pass.isValid ? await admin.report() : await admin.asked;
  if (asked?.kind === "known" && pass.isValid && error === undefined) await doubtSecrets(pass, admin);
  const view =
    planned?.view ?? (asked?.kind === "known" ? { kind: "known" as const, ...asked.report } : asked);
  return {
    stoppedAt,
    problem:
      error === undefined
        ? problemOf(outcome)
        : problemOfError(error, nowMs - (pass.memory.failingSinceMs ?? nowMs)),
    error,
    requeueMs: outcome.kind === "requeue" ? outcome.afterMs : undefined,
    planned,
    view,
  };
}
