import { needsFreshView } from "../needs-fresh-view.ts";
import { planExecutors } from "../plan-executors.ts";
import type { ClusterView, ExecutorAction, ExecutorInput, ExecutorPlan, ObservedExecutor } from "../types.ts";
import { checkAction } from "./invariants.ts";
import { isBroken, type Objects, type PodModel, templateOf, type World } from "./world.ts";

/** A way to be wrong, to show that the simulator notices. */
export interface Sabotage {
  readonly input?: (input: ExecutorInput) => ExecutorInput;
  readonly plan?: (plan: ExecutorPlan, input: ExecutorInput) => ExecutorPlan;
  readonly trustsCaches?: boolean;
}

export const crashLoopThreshold = 6;

/** The reconciler as far as executors go: caches that lag, a fresh read before risky actions, one action at a time. */
export class OperatorModel {
  /** The kinds of all actions that were accepted. */
  readonly carriedOut = new Set<ExecutorAction["kind"]>();
  readonly #world: World;
  readonly #fail: (message: string) => void;
  readonly #sabotage: Sabotage;
  #history: Objects[] = [];
  /** How far each cache is behind, in snapshots. */
  lags = { spec: 0, sets: 0, pods: 0, claims: 0 };

  constructor(world: World, fail: (message: string) => void, sabotage: Sabotage = {}) {
    this.#world = world;
    this.#fail = fail;
    this.#sabotage = sabotage;
  }

  /** What watches deliver, once a tick. */
  observe(): void {
    this.#history = [this.#world.snapshot(), ...this.#history.slice(0, 7)];
  }

  /** Another process takes over; it lists everything first. */
  restart(): void {
    this.#history = [this.#world.snapshot()];
  }

  /** One reconcile; `diesAfter` actions the process ends. Gives the plan that was carried out. */
  reconcile(diesAfter = Number.POSITIVE_INFINITY): ExecutorPlan {
    const at = (lag: number) => this.#history[Math.min(lag, this.#history.length - 1)]!;
    const { lags } = this;
    const cached: Objects = {
      spec: at(lags.spec).spec,
      pause: at(lags.spec).pause,
      sets: at(lags.sets).sets,
      pods: at(lags.pods).pods,
      claims: at(lags.claims).claims,
    };
    let [objects, plan] = [cached, this.#plan(cached)];
    if (plan.actions.some(needsFreshView) && this.#sabotage.trustsCaches !== true) {
      // The resource still comes from its cache: acting on an older one is as if the change came later.
      objects = { ...this.#world.snapshot(), spec: cached.spec, pause: cached.pause };
      plan = this.#plan(objects);
    }
    for (const [i, action] of plan.actions.entries()) {
      if (i >= diesAfter) {
        this.restart();
        break;
      }
      if (!this.#carryOut(action, objects)) break;
      this.carriedOut.add(action.kind);
    }
    return plan;
  }

  #plan(objects: Objects): ExecutorPlan {
    const input = inputOf(objects, this.#world.nowMs, this.#world.spice.view());
    const { input: spoil = (i) => i, plan: spoilPlan = (p) => p } = this.#sabotage;
    const spoilt = spoil(input);
    return spoilPlan(planExecutors(spoilt), spoilt);
  }

  /** False when the API server or the schedulers refuse; the pass then ends. */
  #carryOut(action: ExecutorAction, objects: Objects): boolean {
    const world = this.#world;
    checkAction(world, objects.spec, action, this.#fail);
    switch (action.kind) {
      case "create":
        if (world.sets.has(action.index)) return false;
        world.writeSet(action.index, action.shape, templateOf(objects.spec));
        return true;
      case "apply-template":
      case "mark":
      case "set-retention":
      case "scale":
      case "repair":
        if (!world.sets.has(action.index)) return false;
        world.writeSet(action.index, action.shape, templateOf(objects.spec));
        return true;
      case "drain":
      case "undrain":
        if (world.spice.unreachable) return false;
        world.spice[action.kind](action.index);
        return true;
      case "delete-pod": {
        const { index, uid } = action;
        if (index === undefined || world.pods.get(index)?.uid !== uid) return false;
        world.deletePod(index);
        return true;
      }
      case "delete-stateful-set": {
        const set = world.sets.get(action.index);
        if (set?.uid !== action.uid) return false;
        set.deleting = true;
        return true;
      }
      case "delete-claim":
        if (world.claims.get(action.index)?.uid !== action.uid) return false;
        world.deleteClaim(action.index);
        return true;
      case "expand-claim": {
        const claim = world.claims.get(action.index);
        if (claim === undefined || claim.requested > Number(action.request)) return false;
        claim.requested = Number(action.request);
        return true;
      }
      case "pause":
        world.pause = action.pause;
        return true;
      case "resume":
        world.pause = undefined;
        return true;
      default:
        return action satisfies never;
    }
  }
}

function inputOf(objects: Objects, nowMs: number, cluster: ClusterView): ExecutorInput {
  const { spec, pause } = objects;
  const indexes = Array.from({ length: spec.replicas }, (_, i) => i);
  return {
    nowMs,
    generation: spec.generation,
    wanted: {
      replicas: spec.replicas,
      paused: spec.paused,
      strategy: {
        type: spec.parallel > 1 ? "RollingParallel" : "RollingOrdered",
        maxUnavailable: spec.parallel,
      },
      templateHashes: new Map(indexes.map((i) => [i, templateOf(spec)])),
      claims: [{ template: "data", request: String(spec.storage), bytes: spec.storage }],
      retention: { whenScaled: spec.whenScaled, whenDeleted: "Retain" },
    },
    crashLoopThreshold,
    ...(pause === undefined ? {} : { pause }),
    ...(spec.resume === undefined ? {} : { resume: spec.resume }),
    executors: new Map([...objects.sets.keys()].map((index) => [index, executorOf(objects, index)])),
    schedulers: [],
    cluster,
  };
}

function executorOf({ sets, pods, claims }: Objects, index: number): ObservedExecutor {
  const { template, generation, observedGeneration, drainedFor, ...set } = sets.get(index)!;
  const [pod, claim] = [pods.get(index), claims.get(index)];
  const statefulSet = {
    ...set,
    templateHash: template,
    observed: generation === observedGeneration,
    drifted: false,
    ...(drainedFor === undefined ? {} : { drainedFor }),
  };
  return {
    statefulSet,
    ...(pod === undefined ? {} : { pod: podOf(pod, index) }),
    claims:
      claim === undefined
        ? []
        : [
            {
              template: "data",
              name: `data-${index}`,
              uid: claim.uid,
              deleting: claim.goneAtMs !== undefined,
              requestedBytes: claim.requested,
              capacityBytes: claim.capacity,
              resizing: false,
              allowsExpansion: true,
            },
          ],
  };
}

function podOf(pod: PodModel, index: number) {
  const { uid, ready, template, restarts, createdMs, readyChangedMs, goneAtMs } = pod;
  const looping = isBroken(template) && restarts > 0;
  return {
    name: `x-executor-${index}-0`,
    uid,
    ready,
    templateHash: template,
    deleting: goneAtMs !== undefined,
    restarts,
    createdMs,
    readyChangedMs,
    ...(looping ? { waitingReason: "CrashLoopBackOff", lastError: "exec format error" } : {}),
  };
}
