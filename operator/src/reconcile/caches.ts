import {
  type Change,
  type Client,
  type Clock,
  canonicalJson,
  type KubeObject,
  objectKey,
  type Random,
  Reflector,
  sourceOf,
  trimObject,
} from "@spice-shards/kube";
import { kind, label } from "../api/names.ts";
import { at, type ClusterObject } from "./objects.ts";
import { types, type WatchedChild, watchedChildren } from "./resource-types.ts";
import type { OperatorSettings } from "./settings.ts";

export interface CachesOptions {
  readonly client: Pick<Client, "list" | "watch">;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: Pick<OperatorSettings, "watchNamespaces" | "denyNamespaces">;
  /** A cluster was changed by its users, or anything else of it has changed. */
  readonly onCluster: (key: string, change: "cluster" | "child") => void;
  readonly onError: (error: unknown) => void;
}

/**
 * What the API server has of clusters and their children, by watches. ConfigMaps are watched whole, since a cluster may
 * name one of its user's; of those only the metadata is kept.
 */
export class Caches {
  readonly #options: CachesOptions;
  readonly #clusters: readonly Reflector<ClusterObject>[];
  readonly #children: ReadonlyMap<WatchedChild, readonly Reflector<KubeObject>[]>;

  constructor(options: CachesOptions) {
    this.#options = options;
    this.#clusters = this.#scopes().map((scope) => this.#clusterReflector(scope));
    this.#children = new Map(
      watchedChildren.map((name) => [name, this.#scopes().map((scope) => this.#childReflector(name, scope))]),
    );
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#all().map((reflector) => reflector.run(signal)));
  }

  /** Resolves when every cache has been complete once; rejects with the signal's reason. */
  async synced(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#all().map((reflector) => reflector.synced(signal)));
  }

  get hasSynced(): boolean {
    return this.#all().every((reflector) => reflector.hasSynced);
  }

  cluster(key: string): ClusterObject | undefined {
    const found = firstOf(this.#clusters, (reflector) => reflector.cache.get(key));
    return found === undefined || this.#isDenied(found.metadata.namespace) ? undefined : found;
  }

  clusters(): readonly ClusterObject[] {
    return this.#clusters
      .flatMap((reflector) => reflector.cache.list())
      .filter(({ metadata }) => !this.#isDenied(metadata.namespace));
  }

  /** A child by `namespace/name`. */
  child<T extends KubeObject>(name: WatchedChild, key: string): T | undefined {
    return firstOf(this.#reflectors(name), (reflector) => reflector.cache.get(key)) as T | undefined;
  }

  /** The children of a cluster by its label, whoever owns them. */
  childrenOf<T extends KubeObject>(name: WatchedChild, cluster: string): readonly T[] {
    return this.#reflectors(name).flatMap((reflector) => reflector.cache.byIndex("cluster", cluster)) as T[];
  }

  #all(): readonly Reflector<never>[] {
    return [...this.#clusters, ...[...this.#children.values()].flat()] as never;
  }

  #reflectors(name: WatchedChild): readonly Reflector<KubeObject>[] {
    return this.#children.get(name) ?? [];
  }

  #scopes(): readonly { readonly namespace?: string }[] {
    const { watchNamespaces } = this.#options.settings;
    return watchNamespaces.length === 0 ? [{}] : watchNamespaces.map((namespace) => ({ namespace }));
  }

  #isDenied(namespace: string | undefined): boolean {
    return namespace !== undefined && this.#options.settings.denyNamespaces.includes(namespace);
  }

  #clusterReflector(scope: { readonly namespace?: string }): Reflector<ClusterObject> {
    return new Reflector<ClusterObject>({
      ...this.#common(),
      source: sourceOf<ClusterObject>(this.#options.client, types.cluster),
      query: scope,
      indexes: { configMap: configMapOf },
      onChange: (change) => {
        const { object } = change;
        const asked = change.type !== "updated" || isAsked(object, change.previous);
        this.#tell(objectKey(object), object.metadata.namespace, asked ? "cluster" : "child");
      },
    });
  }

  #childReflector(name: WatchedChild, scope: { readonly namespace?: string }): Reflector<KubeObject> {
    const all = name === "configMap";
    return new Reflector<KubeObject>({
      ...this.#common(),
      source: sourceOf<KubeObject>(this.#options.client, types[name]),
      query: all ? scope : { ...scope, labelSelector: label.cluster },
      indexes: { cluster: (object) => clusterOf(object) ?? [] },
      ...(all ? { trim: trimConfigMap } : {}),
      onChange: (change) => this.#onChild(name, change),
    });
  }

  #common() {
    const { clock, random, onError } = this.#options;
    return { clock, random, onError };
  }

  #onChild(name: WatchedChild, change: Change<KubeObject>): void {
    const { namespace } = change.object.metadata;
    const found = new Set([
      ...(clusterOf(change.object) ?? []),
      ...(change.type === "updated" ? (clusterOf(change.previous) ?? []) : []),
    ]);
    if (name === "configMap") {
      for (const reflector of this.#clusters)
        for (const cluster of reflector.cache.byIndex("configMap", objectKey(change.object)))
          found.add(objectKey(cluster));
    }
    for (const key of found) this.#tell(key, namespace, "child");
  }

  #tell(key: string, namespace: string | undefined, change: "cluster" | "child"): void {
    if (!this.#isDenied(namespace)) this.#options.onCluster(key, change);
  }
}

/** The cluster that an object belongs to: by its label, and by its owner in case somebody took the label away. */
function clusterOf({ metadata }: KubeObject): readonly string[] | undefined {
  const { namespace = "", labels, ownerReferences = [] } = metadata;
  const owner = ownerReferences.find((each) => each.controller === true && each.kind === kind)?.name;
  const name = labels?.[label.cluster] ?? owner;
  return name === undefined ? undefined : [`${namespace}/${name}`];
}

/** Whether somebody wants something else, and not only the status has changed. */
function isAsked({ metadata }: ClusterObject, { metadata: before }: ClusterObject): boolean {
  return (
    metadata.generation !== before.generation ||
    metadata.deletionTimestamp !== before.deletionTimestamp ||
    canonicalJson(metadata.annotations) !== canonicalJson(before.annotations)
  );
}

function configMapOf(cluster: ClusterObject): readonly string[] {
  const name = at(cluster.spec, "schedulerSpec", "spicepodConfigMapRef", "name");
  return typeof name === "string" ? [`${cluster.metadata.namespace}/${name}`] : [];
}

function trimConfigMap(object: KubeObject): KubeObject {
  if (clusterOf(object) !== undefined) return trimObject(object);
  const { apiVersion, kind, metadata } = object;
  const { name = "", namespace = "", uid = "", resourceVersion = "" } = metadata;
  return { apiVersion, kind, metadata: { name, namespace, uid, resourceVersion } };
}

function firstOf<A, B>(items: readonly A[], of: (item: A) => B | undefined): B | undefined {
  for (const item of items) {
    const found = of(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
