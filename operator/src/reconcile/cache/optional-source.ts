import {
  type Client,
  type Clock,
  type Discovery,
  isForbidden,
  isNotFound,
  type KubeObject,
  type ListQuery,
  type ObjectList,
  type ObjectSource,
  type ResourceType,
  StatusError,
  sourceOf,
  type WatchEvent,
  type WatchQuery,
} from "@spice-shards/kube";
import type { Packed } from "./packed.ts";
import { packedSource } from "./packed-source.ts";

export interface OptionalSourceOptions {
  readonly client: Pick<Client, "list" | "watch">;
  readonly discovery: Pick<Discovery, "serves">;
  readonly clock: Clock;
  readonly type: ResourceType;
  readonly of: (object: KubeObject) => Packed;
}

/** How long to take for granted that a kind is not there: less than a reflector waits for a silent watch. */
const lookAgainMs = 120_000;

/**
 * The objects of a kind that the API server may not serve, or may not let us list: none then, until that has changed.
 */
export class OptionalSource implements ObjectSource<Packed> {
  readonly #options: OptionalSourceOptions;
  readonly #source: ObjectSource<Packed>;
  #isWatched = false;

  constructor(options: OptionalSourceOptions) {
    this.#options = options;
    this.#source = packedSource(sourceOf<KubeObject>(options.client, options.type), options.of);
  }

  /** Whether the objects are known, as far as they were listed. */
  get isWatched(): boolean {
    return this.#isWatched;
  }

  async list(query: ListQuery, signal: AbortSignal): Promise<ObjectList<Packed>> {
    const page = await this.#tryList(query, signal);
    this.#isWatched = page !== undefined;
    return page ?? { metadata: { resourceVersion: absent }, items: [] };
  }

  async watch(query: WatchQuery, signal: AbortSignal): Promise<AsyncIterable<WatchEvent<Packed>>> {
    if (!this.#isWatched) return this.#wait(query, signal);
    try {
      return await this.#source.watch(query, signal);
    } catch (error) {
      if (isForbidden(error) || isNotFound(error)) throw this.#gone("can no longer be watched");
      throw error;
    }
  }

  /** A watch without events that ends after a while, or as one whose version is gone when the kind has come. */
  #wait({ namespace, labelSelector }: WatchQuery, signal: AbortSignal): AsyncIterable<never> {
    const next = async (): Promise<IteratorReturnResult<undefined>> => {
      await this.#options.clock.sleep(lookAgainMs, signal);
      const query = { limit: 1, ...only({ namespace, labelSelector }) };
      if ((await this.#tryList(query, signal)) !== undefined) throw this.#gone("can be listed now");
      return { done: true, value: undefined };
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }

  /** Makes the reflector list again. */
  #gone(why: string): StatusError {
    const { type } = this.#options;
    return new StatusError(410, { code: 410, reason: "Expired", message: `${type.plural} ${why}` }, "watch");
  }

  async #tryList(query: ListQuery, signal: AbortSignal): Promise<ObjectList<Packed> | undefined> {
    const { discovery, type } = this.#options;
    if (!(await discovery.serves(type))) return undefined;
    try {
      return await this.#source.list(query, signal);
    } catch (error) {
      if (isForbidden(error) || isNotFound(error)) return undefined;
      throw error;
    }
  }
}

/** The version of a list that was not made; it is no number, so it is never compared. */
const absent = "absent";

function only(query: {
  readonly namespace: string | undefined;
  readonly labelSelector: string | undefined;
}): Pick<ListQuery, "namespace" | "labelSelector"> {
  const { namespace, labelSelector } = query;
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
  };
}
