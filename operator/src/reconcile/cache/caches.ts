import {
  type Change,
  type Client,
  type Clock,
  type Discovery,
  type KubeObject,
  objectKey,
  type Random,
  Reflector,
  type ResourceType,
  sourceOf,
  type WatchEnd,
} from "@spice-shards/kube";
import { label } from "../../api/names.ts";
import type { ClusterObject } from "../objects.ts";
import type { OperatorSettings } from "../settings.ts";
import { OptionalSource } from "./optional-source.ts";
import type { Packed } from "./packed.ts";
import { packedSource } from "./packed-source.ts";
import { optionalChildren, types, type WatchedChild, watchedChildren } from "./resource-types.ts";
import { packChild, packCluster } from "./trim.ts";

export interface CachesOptions {
  readonly client: Pick<Client, "list" | "watch">;
  /** Tells whether kinds are served that not every API server has. */
  readonly discovery: Pick<Discovery, "serves">;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: Pick<OperatorSettings, "watchNamespaces" | "denyNamespaces">;
  /** A cluster was changed by its users, or anything else of it has changed, its own object (of `version`) or a child. */
  readonly onCluster: (key: string, change: "cluster" | "child", version?: string) => void;
  readonly onError: (error: unknown) => void;
  /** A watch of a kind, by its plural, ended and begins again. */
  readonly onWatchEnd?: (resource: string, why: WatchEnd) => void;
}

type Scope = { readonly namespace?: string };

/**
 * What the API server has of clusters and their children, by watches, packed. ConfigMaps are watched whole, since a
 * cluster may name one of its user's; of those only the metadata is kept.
 */
export class Caches {
  readonly #options: CachesOptions;
  readonly #clusters: readonly Reflector<Packed<ClusterObject>>[];
  readonly #children: ReadonlyMap<WatchedChild, readonly Reflector<Packed>[]>;
  /** Of kinds that may not be served, or may not be ours to list. */
  readonly #optional: ReadonlyMap<WatchedChild, readonly OptionalSource[]>;

  constructor(options: CachesOptions) {
    this.#options = options;
    this.#clusters = this.#scopes().map((scope) => this.#clusterReflector(scope));
    this.#optional = new Map(
      optionalChildren.map((name) => [
        name,
        this.#scopes().map(
          () =>
            new OptionalSource({ ...options, type: types[name], of: (object) => packChild(name, object) }),
        ),
      ]),
    );
    this.#children = new Map(
      watchedChildren.map((name) => [
        name,
        this.#scopes().map((scope, place) => this.#childReflector(name, scope, place)),
      ]),
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

  /** Clusters that are there, and ours to look after. */
  get size(): number {
    return this.#clusters.reduce((sum, { cache }) => sum + cache.size, 0);
  }

  cluster(key: string): ClusterObject | undefined {
    const found = this.#packedCluster(key);
    return found === undefined || this.#isDenied(found.metadata.namespace) ? undefined : found.unpack();
  }

  /** The keys of all clusters. */
  clusters(): readonly string[] {
    return this.#clusters
      .flatMap((reflector) => reflector.cache.list())
      .filter(({ metadata }) => !this.#isDenied(metadata.namespace))
      .map(objectKey);
  }

  /** Whether the cache tells of a kind what is there and what is not. */
  watches(name: WatchedChild): boolean {
    return this.#optional.get(name)?.every(({ isWatched }) => isWatched) ?? true;
  }

  /** A child by `namespace/name`. */
  child<T extends KubeObject>(name: WatchedChild, key: string): T | undefined {
    return firstOf(this.#reflectors(name), ({ cache }) => cache.get(key))?.unpack() as T | undefined;
  }

  /** The children of a cluster by its label, whoever owns them. */
  childrenOf<T extends KubeObject>(name: WatchedChild, cluster: string): readonly T[] {
    return this.#packedChildren(name, cluster).map((each) => each.unpack()) as never as T[];
  }

  /**
   * A text that changes whenever anything changes that the cache has of a cluster: its children, what its users ask of it,
   * the ConfigMap that it names. Its status is not part of it.
   */
  versionsOf(key: string): string {
    const { configMap, wish = "" } = this.#packedCluster(key)?.tags ?? {};
    const named = configMap === undefined ? [] : this.#reflectors("configMap");
    const versions = [
      ...watchedChildren.flatMap((name) => this.#packedChildren(name, key)),
      ...named.flatMap(({ cache }) => cache.get(configMap ?? "") ?? []),
    ].map(({ metadata }) => `${metadata.uid}:${metadata.resourceVersion}`);
    const watched = optionalChildren.filter((name) => this.watches(name));
    return `${wish} ${watched.join()} ${versions.join()}`;
  }

  #packedCluster(key: string): Packed<ClusterObject> | undefined {
    return firstOf(this.#clusters, ({ cache }) => cache.get(key));
  }

  #packedChildren(name: WatchedChild, cluster: string): readonly Packed[] {
    return this.#reflectors(name).flatMap(({ cache }) => cache.byIndex("cluster", cluster));
  }

  #all(): readonly Reflector<never>[] {
    return [...this.#clusters, ...[...this.#children.values()].flat()] as never;
  }

  #reflectors(name: WatchedChild): readonly Reflector<Packed>[] {
    return this.#children.get(name) ?? [];
  }

  #scopes(): readonly Scope[] {
    const { watchNamespaces } = this.#options.settings;
    return watchNamespaces.length === 0 ? [{}] : watchNamespaces.map((namespace) => ({ namespace }));
  }

  #isDenied(namespace: string | undefined): boolean {
    return namespace !== undefined && this.#options.settings.denyNamespaces.includes(namespace);
  }

  #clusterReflector(scope: Scope): Reflector<Packed<ClusterObject>> {
    return new Reflector<Packed<ClusterObject>>({
      ...this.#common(types.cluster),
      source: packedSource(sourceOf<ClusterObject>(this.#options.client, types.cluster), packCluster),
      query: scope,
      indexes: { configMap: ({ tags }) => listOf(tags.configMap) },
      onChange: (change) => {
        const { object } = change;
        const asked = change.type !== "updated" || object.tags.wish !== change.previous.tags.wish;
        const { namespace, resourceVersion } = object.metadata;
        this.#tell(objectKey(object), namespace, asked ? "cluster" : "child", resourceVersion);
      },
    });
  }

  #childReflector(name: WatchedChild, scope: Scope, place: number): Reflector<Packed> {
    const ofAll = sourceOf<KubeObject>(this.#options.client, types[name]);
    const optional = this.#optional.get(name)?.[place];
    return new Reflector<Packed>({
      ...this.#common(types[name]),
      source: optional ?? packedSource(ofAll, (object) => packChild(name, object)),
      query: name === "configMap" ? scope : { ...scope, labelSelector: label.cluster },
      indexes: { cluster: ({ tags }) => listOf(tags.cluster) },
      onChange: (change) => this.#onChild(name, change),
    });
  }

  #common({ plural }: ResourceType) {
    const { clock, random, onError, onWatchEnd } = this.#options;
    const metrics = { watchEnded: (why: WatchEnd) => onWatchEnd?.(plural, why) };
    // Small pages, since what is parsed at once is memory that the process keeps.
    return { clock, random, onError, metrics, pageSize: 100, trim: <T>(object: T) => object };
  }

  #onChild(name: WatchedChild, change: Change<Packed>): void {
    const { metadata, tags } = change.object;
    const found = new Set(listOf(tags.cluster));
    if (change.type === "updated") for (const key of listOf(change.previous.tags.cluster)) found.add(key);
    if (name === "configMap") {
      for (const { cache } of this.#clusters)
        for (const cluster of cache.byIndex("configMap", objectKey(change.object)))
          found.add(objectKey(cluster));
    }
    for (const key of found) this.#tell(key, metadata.namespace, "child");
  }

  #tell(key: string, namespace: string | undefined, change: "cluster" | "child", version?: string): void {
    if (!this.#isDenied(namespace)) this.#options.onCluster(key, change, version);
  }
}

function listOf(value: string | undefined): readonly string[] {
  return value === undefined ? [] : [value];
}

function firstOf<A, B>(items: readonly A[], of: (item: A) => B | undefined): B | undefined {
  for (const item of items) {
    const found = of(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
