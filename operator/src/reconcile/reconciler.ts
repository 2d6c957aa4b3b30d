import { digest, type Outcome } from "@spice-shards/kube";
import { listRules } from "../api/list-rules.ts";
import { annotation, fieldManager, finalizer, kind, label, names, type Role } from "../api/names.ts";
import type { SpicepodClusterStatus } from "../api/status.ts";
import type { ReconcileResult } from "../metrics.ts";
import { buildStatus } from "../status/build-status.ts";
import type { StatusFacts } from "../status/facts.ts";
import { eventsOf, transitionsOf } from "../status/transitions.ts";
import { AdminAccess } from "./admin-access.ts";
import { Memories } from "./cache/memory.ts";
import { types } from "./cache/resource-types.ts";
import { isOlder, newerOf } from "./cache/resource-version.ts";
import { settle, stillSettled } from "./cache/settled.ts";
import { cleanUp } from "./clean-up.ts";
import {
  at,
  type ClaimObject,
  type ClusterObject,
  type DeploymentObject,
  isReady,
  type PodObject,
  type StatefulSetObject,
} from "./objects.ts";
import { executorTroubles, schedulerTroubles } from "./observe/observe-troubles.ts";
import { Pass, type StepDeps } from "./pass.ts";
import { type PipelineResult, runPipeline } from "./pipeline.ts";
import { restingPollMs, unsettledPollMs } from "./poll.ts";
import { messageOf } from "./problems.ts";
import { embeddedSpicepod, holderOf, spicepodOf, stateLocationOf } from "./state-location.ts";

/** Connections to schedulers that are kept between two looks at clusters that are not settled yet. */
const connectionsAtMost = 32;
/** Schedulers that do not answer are asked again after a second, and are told of after three. */
const askAgainMs = 1_000;
const silentMs = 3_000;

export interface Reconciled {
  readonly result: ReconcileResult;
  readonly outcome: Outcome;
  /** Whether its condition Paused is True; undefined when the cluster is gone or going, and for some errors. */
  readonly paused?: boolean;
}

/** Brings one cluster after the other to what its resource says. Level-based: a pass looks at everything anew. */
export class Reconciler {
  readonly #deps: StepDeps;
  readonly #memories = new Memories();
  readonly #unsettled = new Set<string>();

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
    if (cluster === undefined || !mayHaveNodes(cluster)) return;
    const spicepod = embeddedSpicepod(cluster);
    if (spicepod !== undefined)
      this.#deps.stateLocations.set(holderOf(key, cluster), stateLocationOf(spicepod));
  }

  /** Whether a version of a cluster's object is no newer than what we wrote ourselves. */
  isOwnWrite(key: string, version: string): boolean {
    const memory = this.#memories.find(key);
    const own = memory?.written?.metadata.resourceVersion;
    if (memory === undefined || own === undefined) return false;
    // The cache has it now.
    if (own === version) memory.written = undefined;
    return own === version || isOlder(version, own);
  }

  /** Lets go of what is remembered of a cluster. */
  forget(key: string): void {
    this.#memories.forget(key);
    this.#unsettled.delete(key);
    this.#deps.stateLocations.remove(key);
  }

  /** Ends all connections. */
  close(): void {
    this.#memories.close();
  }

  async #run(pass: Pass): Promise<Reconciled> {
    const admin = new AdminAccess(pass);
    const versions = digest(this.#deps.caches.versionsOf(pass.key));
    const resting = await stillSettled(pass, admin, versions, () => this.#restingPollMs());
    if (resting !== undefined) return { result: "done", ...resting };
    pass.memory.settled = undefined;
    const result = await runPipeline(pass, admin);
    const { error, stoppedAt, problem } = result;
    if (error !== undefined)
      this.#deps.log.warn("a reconcile failed", {
        cluster: pass.key,
        step: stoppedAt,
        error: messageOf(error),
      });
    if (error === undefined && this.#mayPass(pass, result))
      return {
        result: "requeue",
        outcome: { kind: "after", ms: askAgainMs },
        paused: isTrue(pass.resource.status, "Paused"),
      };
    // An API server that is away can take no status either; what it knows already stays true enough.
    const told =
      error !== undefined && problem === undefined ? undefined : await this.#writeStatus(pass, result);
    const paused = told === undefined ? isTrue(pass.resource.status, "Paused") : isTrue(told, "Paused");
    const isFine =
      isTrue(told, "Ready") &&
      !isTrue(told, "Progressing") &&
      !isTrue(told, "Degraded") &&
      error === undefined;
    if (isFine) this.#unsettled.delete(pass.key);
    else this.#unsettled.add(pass.key);
    if (error !== undefined) return { result: "error", outcome: { kind: "backoff" } };
    if (result.requeueMs !== undefined) pass.lookAgainIn(result.requeueMs);
    const terminal = problem?.terminal === true;
    if (isFine && problem === undefined && result.requeueMs === undefined)
      await settle(pass, admin, { versions, paused, pollMs: this.#restingPollMs() });
    else {
      if (!terminal) pass.lookAgainIn(unsettledPollMs(this.#unsettled.size));
      if (this.#memories.connections > connectionsAtMost) pass.memory.close();
    }
    pass.lookAgainIn(this.#deps.settings.resyncMs);
    const settled = problem === undefined && isFine;
    const ended: ReconcileResult = settled ? "done" : terminal ? "blocked" : "requeue";
    return { result: ended, outcome: { kind: "after", ms: pass.lookAgainMs ?? 0 }, paused };
  }

  /** Whether schedulers whose pods are ready have been silent for so short a time that it is no news yet. */
  #mayPass(pass: Pass, { view }: PipelineResult): boolean {
    const { memory, key, deps } = pass;
    const pods = deps.caches.childrenOf<PodObject>("pod", key);
    const isSilent = view?.kind === "unreachable" && readyOf(pods, "scheduler") > 0;
    const wasReady = isTrue(newerOf(pass.resource, memory.written).status, "Ready");
    if (!isSilent || !wasReady) {
      memory.silentSinceMs = undefined;
      return false;
    }
    const now = deps.clock.monotonicMs();
    memory.silentSinceMs ??= now;
    return now - memory.silentSinceMs < silentMs;
  }

  /** Spread, so that clusters that came up together are not asked together for ever. */
  #restingPollMs(): number {
    return restingPollMs(this.#deps.caches.size) * (0.9 + this.#deps.random.next() / 5);
  }

  /** Writes the status when it differs; answers it. */
  async #writeStatus(pass: Pass, result: PipelineResult): Promise<SpicepodClusterStatus> {
    const { applier } = this.#deps;
    // The finalizer may just have been written.
    const live = newerOf(pass.resource, pass.memory.written);
    const before = live.status;
    const status = buildStatus(factsOf(pass, result), before);
    const wanted = { ...live, apiVersion: live.apiVersion, kind, status };
    const applied = await applier.applyStatus<ClusterObject>(types.cluster, wanted, live, pass.signal);
    if (applied.kind === "updated") {
      pass.memory.written = applied.object;
      const transitions = transitionsOf(before?.conditions ?? [], status.conditions ?? []);
      for (const { type, reason, action, note } of eventsOf(transitions))
        pass.record(type, reason, action, note);
    }
    return status;
  }

  async #delete(pass: Pass): Promise<Reconciled> {
    const { finalizers = [], resourceVersion } = pass.resource.metadata;
    if (!mayHaveNodes(pass.resource)) {
      this.#deps.stateLocations.remove(pass.key);
      return { result: "done", outcome: { kind: "done" } };
    }
    // Whoever wants its state location waits until its nodes, which may still write there, have stopped.
    const spicepod = spicepodOf({ resource: pass.resource, caches: this.#deps.caches });
    if (spicepod !== undefined)
      this.#deps.stateLocations.set(holderOf(pass.key, pass.resource), stateLocationOf(spicepod));
    const left = await cleanUp(pass);
    if (left.kind === "wait") return { result: "requeue", outcome: { kind: "after", ms: left.ms } };
    pass.record(left.kind === "done" ? "Normal" : "Warning", "Deleting", "CleanUp", left.message);
    const metadata = { resourceVersion, finalizers: finalizers.filter((each) => each !== finalizer) };
    await pass.patchResource({ metadata });
    this.#deps.stateLocations.remove(pass.key);
    this.#deps.log.info("a cluster was deleted", { cluster: pass.key, left: left.message });
    return { result: "done", outcome: { kind: "done" } };
  }
}

function isTrue(status: SpicepodClusterStatus | undefined, wanted: string): boolean {
  return (status?.conditions ?? []).some(({ type, status }) => type === wanted && status === "True");
}

/** Whether a cluster is to be, or is kept until its nodes have stopped. */
function mayHaveNodes({ metadata: { deletionTimestamp, finalizers = [] } }: ClusterObject): boolean {
  return deletionTimestamp === undefined || finalizers.includes(finalizer);
}

/** What a pass has learnt, and what the caches count. */
function factsOf(pass: Pass, { problem, planned, view }: PipelineResult): StatusFacts {
  const { caches } = pass.deps;
  const { spec, metadata } = pass.resource;
  const pods = caches.childrenOf<PodObject>("pod", pass.key);
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
      ready: readyOf(pods, "scheduler"),
      wanted: wanted("schedulerSpec"),
      total: deployment?.status?.replicas ?? 0,
      current: isCurrent(deployment),
      troubles: schedulerTroubles(pods, deployment),
    },
    executors: {
      ready: readyOf(pods, "executor"),
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

function readyOf(pods: readonly PodObject[], role: Role): number {
  return pods.filter((pod) => pod.metadata.labels?.[label.role] === role && isReady(pod)).length;
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
