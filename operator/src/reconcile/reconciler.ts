import type { Outcome } from "@spice-shards/kube";
import { listRules } from "../api/list-rules.ts";
import { annotation, fieldManager, finalizer, kind, label, names } from "../api/names.ts";
import type { ReconcileResult } from "../metrics.ts";
import { buildStatus } from "../status/build-status.ts";
import type { StatusFacts } from "../status/facts.ts";
import { transitionsOf } from "../status/transitions.ts";
import { cleanUp } from "./clean-up.ts";
import { Memories } from "./memory.ts";
import {
  at,
  type ClaimObject,
  type ClusterObject,
  type DeploymentObject,
  isReady,
  type PodObject,
  type StatefulSetObject,
} from "./objects.ts";
import { executorTroubles, schedulerTroubles } from "./observe-troubles.ts";
import { Pass, type StepDeps } from "./pass.ts";
import { type PipelineResult, pollMs, runPipeline } from "./pipeline.ts";
import { messageOf } from "./problems.ts";
import { types } from "./resource-types.ts";
import { newerOf } from "./resource-version.ts";
import { embeddedLocation, holderOf } from "./state-location.ts";

export interface Reconciled {
  readonly result: ReconcileResult;
  readonly outcome: Outcome;
  /** Whether its condition Paused is True; undefined when the cluster is gone. */
  readonly paused?: boolean;
}

/** Brings one cluster after the other to what its resource says. Level-based: a pass looks at everything anew. */
export class Reconciler {
  readonly #deps: StepDeps;
  readonly #memories = new Memories();

  constructor(deps: StepDeps) {
    this.#deps = deps;
  }

  /**
   * One pass for one cluster. Failures of the API server are in the outcome and in the status.
   *
   * @throws the signal's reason when it is aborted.
   */
  async reconcile(key: string, signal: AbortSignal): Promise<Reconciled> {
    const cached = this.#deps.caches.cluster(key);
    if (cached === undefined) {
      this.forget(key);
      return { result: "done", outcome: { kind: "done" } };
    }
    const memory = this.#memories.of(key, cached.metadata.uid ?? "");
    // The cache may be behind our own last write.
    const resource = newerOf(cached, memory.written);
    if (resource === cached) memory.written = undefined;
    const pass = new Pass({ deps: this.#deps, key, resource, memory, signal });
    try {
      if (resource.metadata.deletionTimestamp !== undefined) return await this.#delete(pass);
      return await this.#run(pass);
    } catch (error) {
      signal.throwIfAborted();
      this.#deps.log.warn("a reconcile failed", { cluster: key, error: messageOf(error) });
      return { result: "error", outcome: { kind: "backoff" } };
    }
  }

  /** Takes note of where a cluster keeps its state, as far as the resource itself says. */
  notice(key: string): void {
    const cluster = this.#deps.caches.cluster(key);
    if (cluster !== undefined)
      this.#deps.stateLocations.set(holderOf(key, cluster), embeddedLocation(cluster));
  }

  /** Lets go of what is remembered of a cluster. */
  forget(key: string): void {
    this.#memories.forget(key);
    this.#deps.stateLocations.remove(key);
  }

  /** Ends all connections. */
  close(): void {
    this.#memories.close();
  }

  async #run(pass: Pass): Promise<Reconciled> {
    const result = await runPipeline(pass);
    const { error, stoppedAt, problem } = result;
    if (error !== undefined)
      this.#deps.log.warn("a reconcile failed", {
        cluster: pass.key,
        step: stoppedAt,
        error: messageOf(error),
      });
    // An API server that is away can take no status either; what it knows already stays true enough.
    const ready =
      error !== undefined && problem === undefined ? undefined : await this.#writeStatus(pass, result);
    if (error !== undefined) return { result: "error", outcome: { kind: "backoff" } };
    if (problem?.terminal !== true) pass.lookAgainIn(pollMs(ready === true));
    pass.lookAgainIn(this.#deps.settings.resyncMs);
    if (result.requeueMs !== undefined) pass.lookAgainIn(result.requeueMs);
    const settled = problem === undefined && ready === true;
    const ended: ReconcileResult = settled ? "done" : problem?.terminal === true ? "blocked" : "requeue";
    return { result: ended, outcome: { kind: "after", ms: pass.lookAgainMs ?? 0 }, paused: isPaused(pass) };
  }

  /** Writes the status when it differs; answers whether all is settled. */
  async #writeStatus(pass: Pass, result: PipelineResult): Promise<boolean> {
    const { applier } = this.#deps;
    // The finalizer may just have been written.
    const live = newerOf(pass.resource, pass.memory.written);
    const before = live.status;
    const status = buildStatus(factsOf(pass, result), before);
    const wanted = { ...live, apiVersion: live.apiVersion, kind, status };
    const applied = await applier.applyStatus<ClusterObject>(types.cluster, wanted, live, pass.signal);
    const conditions = status.conditions ?? [];
    if (applied.kind === "updated") {
      pass.memory.written = applied.object;
      for (const { type, condition } of transitionsOf(before?.conditions ?? [], conditions))
        pass.record(type, condition.reason, condition.type, condition.message);
    }
    const holds = (type: string) => conditions.find((each) => each.type === type)?.status === "True";
    return holds("Ready") && !holds("Progressing") && !holds("Degraded");
  }

  async #delete(pass: Pass): Promise<Reconciled> {
    const { finalizers = [], resourceVersion } = pass.resource.metadata;
    this.#deps.stateLocations.remove(pass.key);
    if (!finalizers.includes(finalizer)) return { result: "done", outcome: { kind: "done" } };
    const left = await cleanUp(pass);
    if (left.kind === "wait") return { result: "requeue", outcome: { kind: "after", ms: left.ms } };
    pass.record(left.kind === "done" ? "Normal" : "Warning", "Deleting", "CleanUp", left.message);
    const metadata = { resourceVersion, finalizers: finalizers.filter((each) => each !== finalizer) };
    await pass.patchResource({ metadata });
    this.#deps.log.info("a cluster was deleted", { cluster: pass.key, left: left.message });
    return { result: "done", outcome: { kind: "done" } };
  }
}

function isPaused({ resource, memory }: Pass): boolean {
  const { conditions = [] } = newerOf(resource, memory.written).status ?? {};
  return conditions.some(({ type, status }) => type === "Paused" && status === "True");
}

/** What a pass has learnt, and what the caches count. */
function factsOf(pass: Pass, { problem, planned, view }: PipelineResult): StatusFacts {
  const { caches } = pass.deps;
  const { spec, metadata } = pass.resource;
  const pods = caches.childrenOf<PodObject>("pod", pass.key);
  const readyOf = (role: string) =>
    pods.filter((pod) => pod.metadata.labels?.[label.role] === role && isReady(pod)).length;
  const deployment = caches.child<DeploymentObject>(
    "deployment",
    `${pass.namespace}/${names.workload(pass.name, "scheduler")}`,
  );
  const sets = caches
    .childrenOf<StatefulSetObject>("statefulSet", pass.key)
    .filter((set) => pass.isOurs(set) && (set.spec.replicas ?? 1) > 0);
  const valid = pass.isValid ? pass.valid : undefined;
  const wanted = (role: "schedulerSpec" | "executorSpec") => {
    const given = valid?.cluster.spec[role].replicas ?? at(spec, role, "replicas");
    return typeof given === "number" ? given : 1;
  };
  return {
    generation: metadata.generation ?? 1,
    nowMs: pass.nowMs,
    selector: `${label.cluster}=${pass.name},${label.role}=executor`,
    pausedByUser: at(spec, "paused") === true,
    insecure: at(spec, "allowInsecureConnections") === true,
    ...(problem === undefined ? {} : { problem }),
    ...(pass.config === undefined ? {} : { config: pass.config }),
    ...(pass.certificates === undefined ? {} : { certificates: pass.certificates }),
    schedulers: {
      ready: readyOf("scheduler"),
      wanted: wanted("schedulerSpec"),
      total: deployment?.status?.replicas ?? 0,
      current: isCurrent(deployment),
      troubles: schedulerTroubles(pods, deployment),
    },
    executors: {
      ready: readyOf("executor"),
      wanted: wanted("executorSpec"),
      total: sets.length,
      troubles: executorTroubles(pods, caches.childrenOf<ClaimObject>("claim", pass.key)),
    },
    ...(view === undefined ? {} : { view }),
    accelerated: valid?.accelerated ?? 0,
    ...(valid === undefined || valid.cluster.spec.paused ? {} : { spicepod: valid.spicepod }),
    planned: planned?.plan.conditions ?? [],
    pause: pass.pause,
  };
}

/** Whether every pod is of the Deployment's template, and all are ready. */
function isCurrent(deployment: DeploymentObject | undefined): boolean {
  if (deployment === undefined) return false;
  const { metadata, spec, status } = deployment;
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, readyReplicas = 0 } = status ?? {};
  const wanted = spec.replicas ?? 1;
  return (
    observedGeneration >= (metadata.generation ?? 0) &&
    replicas === wanted &&
    updatedReplicas === wanted &&
    readyReplicas === wanted
  );
}

/** The applier of all children. */
export const applierOptions = { fieldManager, annotation: annotation.applied, listRules } as const;
