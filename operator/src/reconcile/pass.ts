import {
  type Applied,
  type Applier,
  type Client,
  type Clock,
  type Discovery,
  type EventNote,
  isNotFound,
  type KubeObject,
  objectKey,
  type Random,
  type ResourceType,
} from "@spice-shards/kube";
import type { AdminDialer } from "../admin/port.ts";
import { fieldManager, kind } from "../api/names.ts";
import type { SpicepodCluster } from "../api/spicepod-cluster.ts";
import type { StatusPause } from "../lifecycle/types.ts";
import type { Log } from "../log.ts";
import type { OperatorMetrics } from "../metrics.ts";
import type { KubernetesObject, RenderContext } from "../render/context.ts";
import type { CertificateStatus, Problem } from "../status/facts.ts";
import type { Caches } from "./cache/caches.ts";
import type { ClusterMemory } from "./cache/memory.ts";
import { typeOf, types, type WatchedChild, watchedOf } from "./cache/resource-types.ts";
import type { ClusterObject } from "./objects.ts";
import type { SecretStore } from "./secret-store.ts";
import type { OperatorSettings } from "./settings.ts";
import type { StateLocations } from "./state-locations.ts";

/** What steps work with. */
export interface StepDeps {
  readonly client: Client;
  readonly applier: Applier;
  readonly secrets: SecretStore;
  readonly caches: Caches;
  readonly discovery: Discovery;
  readonly dialer: AdminDialer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Pick<OperatorMetrics, "restarted">;
  readonly events: { record(regarding: KubeObject, event: EventNote): void };
  readonly settings: OperatorSettings;
  readonly stateLocations: StateLocations;
}

/** A resource that passed validation, with what rendering needs. */
export interface Valid {
  readonly cluster: SpicepodCluster;
  readonly context: RenderContext;
  /** Tables that the spicepod accelerates. */
  readonly accelerated: number;
  readonly spicepod: { readonly generation: number; readonly digest: string };
}

/** One run of the pipeline for one cluster: what its steps hand on to each other and to the status. */
export class Pass {
  readonly deps: StepDeps;
  readonly key: string;
  readonly resource: ClusterObject;
  readonly memory: ClusterMemory;
  readonly signal: AbortSignal;
  /** Wall time at the start, for certificates and for people. */
  readonly nowMs: number;
  /** For the status. */
  config: Problem | "valid" | undefined;
  certificates: CertificateStatus | undefined;
  pause: StatusPause | undefined;
  /** This pass is the first to touch the cluster, so nothing of it is on the API server: there is nothing to read. */
  isFirst = false;
  #valid: Valid | undefined;
  #lookAgainMs: number | undefined;

  constructor(options: {
    deps: StepDeps;
    key: string;
    resource: ClusterObject;
    memory: ClusterMemory;
    signal: AbortSignal;
  }) {
    this.deps = options.deps;
    this.key = options.key;
    this.resource = options.resource;
    this.memory = options.memory;
    this.signal = options.signal;
    this.nowMs = options.deps.clock.wallMs();
    this.pause = pauseOf(options.resource);
  }

  get namespace(): string {
    return this.resource.metadata.namespace ?? "default";
  }

  get name(): string {
    return this.resource.metadata.name ?? "";
  }

  /** What validation left. @throws Error in a step that runs before it. */
  get valid(): Valid {
    if (this.#valid === undefined) throw new Error("the resource has not been validated");
    return this.#valid;
  }

  set valid(valid: Valid) {
    this.#valid = valid;
  }

  get isValid(): boolean {
    return this.#valid !== undefined;
  }

  /** When to look again even if no object changes; undefined: at the next resync. */
  get lookAgainMs(): number | undefined {
    return this.#lookAgainMs;
  }

  /** The earliest of all that ask holds. */
  lookAgainIn(ms: number): void {
    this.#lookAgainMs = Math.min(this.#lookAgainMs ?? Number.POSITIVE_INFINITY, Math.max(0, ms));
  }

  isOurs({ metadata }: KubeObject): boolean {
    return (metadata.ownerReferences ?? []).some(
      ({ controller, uid }) => controller === true && uid === this.resource.metadata.uid,
    );
  }

  /** An object of the cluster's namespace, from the API server. */
  async read<T extends KubeObject>(type: ResourceType, name: string): Promise<T | undefined> {
    try {
      const target = type.namespaced ? { namespace: this.namespace, name } : { name };
      return await this.deps.client.get<T>(type, target, this.signal);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Changes the resource itself: its finalizers, nothing else. */
  async patchResource(body: unknown): Promise<void> {
    const { client } = this.deps;
    const target = { namespace: this.namespace, name: this.name };
    const options = { fieldManager, signal: this.signal };
    this.memory.written = await client.patch(types.cluster, target, { type: "merge", body }, options);
  }

  /** Makes a child what is wanted; one that is right by the cache, or by `live`, costs no request. */
  async apply(
    wanted: KubernetesObject,
    live?: { readonly object: KubeObject | undefined },
  ): Promise<Applied<KubeObject>> {
    const { applier, caches, log } = this.deps;
    const object: KubeObject = wanted;
    const kindOf = watchedOf(wanted.kind);
    const watched = kindOf !== undefined && caches.watches(kindOf) ? kindOf : undefined;
    const cached = watched && caches.child(watched, objectKey(object));
    const applied = await applier.apply(typeOf(wanted.kind), object, {
      signal: this.signal,
      ...(live !== undefined ? { live } : this.#known(watched, object, cached)),
    });
    if (applied.kind === "terminating") this.lookAgainIn(1000);
    if (applied.kind === "created" || applied.kind === "updated") {
      const because =
        applied.kind === "updated" && applied.because !== "removed"
          ? applied.because.map(({ path }) => path).join(", ")
          : applied.kind;
      log.info(`applied ${wanted.kind} ${wanted.metadata.name}`, { cluster: this.key, because });
    }
    return applied;
  }

  /**
   * What is known of a child without asking. One that the cache does not have is taken to be absent, once: if the cache
   * is only behind, or somebody hides the child from it, the next pass reads it.
   */
  #known(
    watched: WatchedChild | undefined,
    wanted: KubeObject,
    cached: KubeObject | undefined,
  ): { readonly live?: { readonly object: KubeObject | undefined } } {
    const { assumedAbsent } = this.memory;
    const child = `${wanted.kind}/${wanted.metadata.name}`;
    if (cached !== undefined) {
      assumedAbsent.delete(child);
      return { live: { object: cached } };
    }
    if (watched === undefined || assumedAbsent.has(child)) return {};
    assumedAbsent.add(child);
    return { live: { object: undefined } };
  }

  /** Deletes this very child; one that is gone, or was replaced, is no error. */
  async remove(child: KubeObject): Promise<void> {
    const { namespace = this.namespace, name = "", uid = "" } = child.metadata;
    await this.removeByName(child.kind, { namespace, name, uid });
  }

  async removeByName(
    kindOf: string,
    { namespace, name, uid }: { readonly namespace: string; readonly name: string; readonly uid: string },
  ): Promise<void> {
    const { client, log } = this.deps;
    const options = { propagationPolicy: "Background" as const, preconditions: { uid }, signal: this.signal };
    try {
      await client.delete(typeOf(kindOf), { namespace, name }, options);
      log.info(`deleted ${kindOf} ${name}`, { cluster: this.key });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  record(type: EventNote["type"], reason: string, action: string, note: string): void {
    this.deps.events.record({ ...this.resource, kind }, { type, reason, action, note });
  }
}

function pauseOf({ status }: ClusterObject): StatusPause | undefined {
  const { reason, generation, resume } = status?.pause ?? {};
  if (reason === undefined || generation === undefined) return undefined;
  return { reason, generation, ...(resume === undefined ? {} : { resume }) };
}
