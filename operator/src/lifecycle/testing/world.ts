import type { ClaimRetention, DrainMark, StatefulSetShape, StatusPause } from "../types.ts";
import { SpiceModel } from "./spice-model.ts";

export const tickMs = 1_000;
export const crashTicks = 4;

/** What users write. */
export interface Spec {
  replicas: number;
  /** An image whose name begins with `bad` never becomes ready. */
  image: string;
  cpu: number;
  storage: number;
  paused: boolean;
  parallel: number;
  whenScaled: "Delete" | "Retain";
  generation: number;
  resume: string | undefined;
}

export interface SetModel {
  readonly uid: string;
  replicas: number;
  template: string;
  generation: number;
  observedGeneration: number;
  retention: ClaimRetention;
  drainedFor: DrainMark | undefined;
  deleting: boolean;
}

export interface PodModel {
  readonly uid: string;
  readonly template: string;
  readonly createdMs: number;
  ready: boolean;
  readyChangedMs: number;
  readyAtMs: number;
  restarts: number;
  goneAtMs: number | undefined;
}

export interface ClaimModel {
  readonly uid: string;
  requested: number;
  capacity: number;
  goneAtMs: number | undefined;
}

/** What caches copy. */
export interface Objects {
  readonly spec: Spec;
  readonly pause: StatusPause | undefined;
  readonly sets: ReadonlyMap<number, SetModel>;
  readonly pods: ReadonlyMap<number, PodModel>;
  readonly claims: ReadonlyMap<number, ClaimModel>;
}

export const templateOf = ({ image, cpu }: Spec): string => `${image}/${cpu}`;
export const isBroken = (template: string): boolean => template.startsWith("bad");

/** A simulated API server with its controllers and kubelets, and the cluster in its pods. One tick is a second. */
export class World {
  nowMs = 1_000_000;
  spec: Spec;
  pause: StatusPause | undefined;
  readonly sets = new Map<number, SetModel>();
  readonly pods = new Map<number, PodModel>();
  readonly claims = new Map<number, ClaimModel>();
  readonly spice = new SpiceModel(8);
  readonly #fail: (message: string) => void;
  #uids = 0;

  constructor(spec: Spec, fail: (message: string) => void) {
    this.spec = spec;
    this.#fail = fail;
  }

  snapshot(): Objects {
    return {
      spec: this.spec,
      pause: this.pause,
      sets: copy(this.sets),
      pods: copy(this.pods),
      claims: copy(this.claims),
    };
  }

  change(change: Partial<Spec>): void {
    this.spec = { ...this.spec, ...change, generation: this.spec.generation + 1 };
  }

  /** The API server's side of writing a StatefulSet. */
  writeSet(index: number, shape: StatefulSetShape, wanted: string): void {
    const set = this.sets.get(index);
    const { replicas, retention, drainedFor } = shape;
    if (set === undefined) {
      const fresh = { uid: this.#uid(), generation: 1, observedGeneration: 0, deleting: false };
      this.sets.set(index, { ...fresh, replicas, retention, drainedFor, template: wanted });
      return;
    }
    const template = shape.template === "wanted" ? wanted : set.template;
    Object.assign(set, { replicas, retention, drainedFor, template, generation: set.generation + 1 });
  }

  deletePod(index: number): void {
    const pod = this.pods.get(index);
    if (pod === undefined) return;
    pod.goneAtMs ??= this.nowMs + 2 * tickMs;
    this.#setReady(pod, false);
  }

  deleteClaim(index: number): void {
    const claim = this.claims.get(index);
    if (claim === undefined) return;
    if (this.spice.ownedBy(index) > 0)
      this.#fail(`the claim of executor ${index} goes although it owns partitions`);
    claim.goneAtMs ??= this.nowMs + tickMs;
  }

  /** A container dies and is started again. */
  crash(index: number): void {
    const pod = this.pods.get(index);
    if (pod === undefined || !pod.ready) return;
    pod.restarts += 1;
    pod.readyAtMs = this.nowMs + crashTicks * tickMs;
    this.#setReady(pod, false);
  }

  tick(): void {
    this.nowMs += tickMs;
    for (const [index, claim] of this.claims) {
      if (claim.goneAtMs !== undefined && claim.goneAtMs <= this.nowMs && !this.pods.has(index))
        this.claims.delete(index);
      if (claim.capacity < claim.requested) claim.capacity += 1;
    }
    for (const [index, pod] of this.pods) this.#kubelet(index, pod);
    for (const [index, set] of this.sets) this.#control(index, set);
    const ready = [...this.pods]
      .filter(([, pod]) => pod.ready)
      .map(([index, pod]) => [index, pod.uid] as const);
    this.spice.tick(new Map(ready));
  }

  #kubelet(index: number, pod: PodModel): void {
    if (pod.goneAtMs !== undefined) {
      if (pod.goneAtMs <= this.nowMs) this.pods.delete(index);
    } else if (isBroken(pod.template)) {
      if ((this.nowMs - pod.createdMs) % (3 * tickMs) === 0) pod.restarts += 1;
    } else if (!pod.ready && pod.readyAtMs <= this.nowMs) this.#setReady(pod, true);
  }

  /** The controller of StatefulSets. */
  #control(index: number, set: SetModel): void {
    set.observedGeneration = set.generation;
    const pod = this.pods.get(index);
    if (set.replicas === 0 || set.deleting) {
      const fate = set.deleting ? set.retention.whenDeleted : set.retention.whenScaled;
      if (pod !== undefined && pod.goneAtMs === undefined) {
        this.deletePod(index);
        if (fate === "Delete") this.deleteClaim(index);
      } else if (pod === undefined && set.deleting) {
        if (fate === "Delete") this.deleteClaim(index);
        this.sets.delete(index);
      }
      return;
    }
    const claim = this.claims.get(index);
    if (claim?.goneAtMs !== undefined || pod !== undefined) return;
    if (claim === undefined) {
      const { storage } = this.spec;
      this.claims.set(index, {
        uid: this.#uid(),
        requested: storage,
        capacity: storage,
        goneAtMs: undefined,
      });
    }
    this.pods.set(index, {
      uid: this.#uid(),
      template: set.template,
      createdMs: this.nowMs,
      ready: false,
      readyChangedMs: this.nowMs,
      readyAtMs: this.nowMs + 2 * tickMs,
      restarts: 0,
      goneAtMs: undefined,
    });
  }

  #setReady(pod: PodModel, ready: boolean): void {
    if (pod.ready !== ready) pod.readyChangedMs = this.nowMs;
    pod.ready = ready;
  }

  #uid(): string {
    return `uid-${++this.#uids}`;
  }
}

function copy<T extends object>(objects: ReadonlyMap<number, T>): ReadonlyMap<number, T> {
  return new Map([...objects].map(([index, object]) => [index, { ...object }]));
}
