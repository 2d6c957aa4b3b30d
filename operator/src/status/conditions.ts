import type { ConditionType, Reason } from "../api/conditions.ts";
import type { StatusFacts } from "./facts.ts";

/** A condition before it is known since when it holds. */
export interface Judgement {
  readonly type: ConditionType;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: Reason;
  readonly message: string;
}

type Verdict = Omit<Judgement, "type">;

const yes = (reason: Reason, message: string): Verdict => ({ status: "True", reason, message });
const no = (reason: Reason, message: string): Verdict => ({ status: "False", reason, message });
const unknown = (reason: Reason, message: string): Verdict => ({ status: "Unknown", reason, message });

/** Every condition that the facts decide (spec chapter 09, Status). Pure; `Reconciling` and `Stalled` only when True. */
export function judge(facts: StatusFacts): readonly Judgement[] {
  const progressing = progressingOf(facts);
  const ready = readyOf(facts, progressing);
  const config = configOf(facts);
  const problem = terminalProblem(facts);
  return [
    { type: "Ready", ...ready },
    { type: "Progressing", ...progressing },
    { type: "Degraded", ...degradedOf(facts) },
    { type: "Paused", ...pausedOf(facts) },
    { type: "CertificatesReady", ...certificatesOf(facts) },
    ...(config === undefined ? [] : [{ type: "ConfigValid" as const, ...config }]),
    { type: "Balanced", ...balancedOf(facts) },
    ...(progressing.status === "True" ? [{ type: "Reconciling" as const, ...progressing }] : []),
    ...(problem === undefined ? [] : [{ type: "Stalled" as const, ...yes(problem.reason, problem.message) }]),
  ];
}

function terminalProblem({ config, problem }: StatusFacts) {
  if (config !== undefined && config !== "valid") return config;
  return problem?.terminal === true ? problem : undefined;
}

function configOf({ config }: StatusFacts): Verdict | undefined {
  if (config === undefined) return undefined;
  return config === "valid"
    ? yes("AsExpected", "The resource and its spicepod are valid.")
    : no(config.reason, config.message);
}

function certificatesOf({ insecure, certificates, problem }: StatusFacts): Verdict {
  if (insecure) return no("Insecure", "The nodes run without mTLS (allowInsecureConnections).");
  if (certificates === undefined)
    return problem === undefined
      ? unknown("CertificatesPending", "The certificates have not been looked at yet.")
      : no(problem.reason, problem.message);
  const { phase, waitingFor, overdue = {} } = certificates;
  const late = Object.entries(overdue).map(([name, what]) => `${name}: ${what}`);
  if (late.length > 0) return no("CertificateNotReady", `${few(late)}.`);
  const waiting = Object.entries(waitingFor);
  const missing =
    waiting.length === 0 ? "" : ` Waits for ${few(waiting.map(([id, what]) => `${id}: ${what}`))}.`;
  return phase === "stable"
    ? yes("CertificatesIssued", "The root and all nodes' certificates are valid.")
    : yes("RootRotation", `A root rotation is in its phase ${phase}.${missing}`);
}

function pausedOf({ pausedByUser, planned }: StatusFacts): Verdict {
  if (pausedByUser) return yes("PausedByUser", "spec.paused is true: the operator changes nothing.");
  return plannedOf(planned, "Paused") ?? no("AsExpected", "The cluster is not paused.");
}

function progressingOf(facts: StatusFacts): Verdict {
  const { problem, pausedByUser, schedulers, view, spicepod, certificates } = facts;
  if (pausedByUser) return no("PausedByUser", "spec.paused is true.");
  if (problem?.terminal === true) return no(problem.reason, problem.message);
  const planned = plannedOf(facts.planned, "Progressing");
  if (planned?.status === "True") return planned;
  if (problem !== undefined) return yes(problem.reason, problem.message);
  if (!schedulers.current)
    return yes(
      "RollingOut",
      because(`${schedulers.ready} of ${schedulers.wanted} schedulers are ready`, schedulers.troubles),
    );
  if (certificates !== undefined && certificates.phase !== "stable")
    return yes("RootRotation", `A root rotation is in its phase ${certificates.phase}.`);
  if (view?.kind === "known" && spicepod !== undefined && view.appGeneration < spicepod.generation)
    return yes(
      "Reconciling",
      `The schedulers have not taken over generation ${spicepod.generation} of the spicepod yet.`,
    );
  return planned ?? no("AsExpected", "Everything is as the resource says.");
}

function degradedOf(facts: StatusFacts): Verdict {
  const { problem, config, planned, pausedByUser, schedulers, view } = facts;
  if (config !== undefined && config !== "valid") return yes(config.reason, config.message);
  if (problem !== undefined && problem.isUnderWay !== true) return yes(problem.reason, problem.message);
  const fromPlan = plannedOf(planned, "Degraded") ?? no("AsExpected", "Nothing is wrong.");
  if (fromPlan.status === "True" || pausedByUser) return fromPlan;
  const { ready, wanted, current, troubles = [] } = schedulers;
  if (!current && troubles.length > 0)
    return yes("SchedulersNotReady", because(`${ready} of ${wanted} schedulers are ready`, troubles));
  // A dataset that has all its data and cannot be refreshed goes on answering, which is for its metrics to tell.
  const problems = view?.kind === "known" && isLoading(view, facts) ? problemsOf(view) : [];
  return problems.length === 0 ? fromPlan : yes("PartitionsLoading", `Datasets fail: ${few(problems)}`);
}

type KnownView = Extract<NonNullable<StatusFacts["view"]>, { readonly kind: "known" }>;

function isLoading({ partitions, tables }: KnownView, { accelerated }: StatusFacts): boolean {
  return partitions.loaded < partitions.total || tables.length < accelerated;
}

function problemsOf({ problems = [] }: KnownView): readonly string[] {
  return problems.map(({ dataset, message }) => `${dataset}: ${message}`);
}

function readyOf(facts: StatusFacts, progressing: Verdict): Verdict {
  const { config, problem, schedulers, executors, view, accelerated } = facts;
  if (config !== undefined && config !== "valid") return no(config.reason, config.message);
  if (problem?.terminal === true) return no(problem.reason, problem.message);
  if (schedulers.ready === 0)
    return no("SchedulersNotReady", because("No scheduler is ready", schedulers.troubles));
  if (executors.wanted === 0)
    return no("NoExecutors", "executorSpec.replicas is 0: nothing answers queries over accelerated data.");
  // In a rollout one executor after the other is away, drained before: what counts then is the partitions.
  const rolling = progressing.status === "True" && progressing.reason === "RollingOut";
  if (executors.ready === 0 || (!rolling && executors.ready < executors.wanted))
    return no(
      "ExecutorsNotReady",
      because(`${executors.ready} of ${executors.wanted} executors are ready`, executors.troubles),
    );
  if (view === undefined) return unknown("Reconciling", "The cluster has not been asked yet.");
  if (view.kind === "unreachable") return no("SchedulerUnreachable", view.reason);
  const { loaded, total } = view.partitions;
  const problems = problemsOf(view);
  if (view.tables.length < accelerated) {
    const found = `${view.tables.length} of ${accelerated} datasets have been discovered`;
    return no("PartitionsLoading", because(found, problems));
  }
  if (loaded < total)
    return no("PartitionsLoading", because(`${loaded} of ${total} partitions are loaded`, problems));
  return yes("AsExpected", "The cluster answers queries over all its data.");
}

function balancedOf({ view }: StatusFacts): Verdict {
  if (view === undefined) return unknown("Reconciling", "The cluster has not been asked yet.");
  if (view.kind === "unreachable") return unknown("SchedulerUnreachable", view.reason);
  const moving = view.executors.reduce((sum, executor) => sum + executor.moving, 0);
  const { assigned, total } = view.partitions;
  if (assigned < total) return no("Rebalancing", `${assigned} of ${total} partitions have an executor.`);
  if (moving > 0) return no("Rebalancing", "Partitions are on their way to other executors.");
  return yes("AsExpected", "Every partition is where it should be.");
}

function plannedOf(planned: StatusFacts["planned"], type: string): Verdict | undefined {
  const found = planned.find((each) => each.type === type);
  return found && { status: found.status, reason: found.reason, message: found.message };
}

/** A sentence, with its causes where they are known. */
function because(what: string, causes: readonly string[] = []): string {
  return causes.length === 0 ? `${what}.` : `${what}: ${few(causes)}`;
}

/** A few of many, for a sentence. */
function few(items: readonly string[]): string {
  const shown = items.slice(0, 3).join("; ");
  return items.length > 3 ? `${shown}; and ${items.length - 3} more` : shown;
}
