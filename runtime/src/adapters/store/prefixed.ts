import type {
  CallOptions,
  ListedObject,
  ObjectStore,
  PutCondition,
  PutOutcome,
  StoredObject,
} from "../../ports/object-store.ts";
import { checkKey } from "./keys.ts";

/**
 * A view of the objects below a prefix (`snapshots` or `snapshots/`), with keys relative to it. Closing the view
 * leaves the store behind it open.
 */
export function prefixed(store: ObjectStore, prefix: string): ObjectStore {
  const folder = prefix.replace(/\/$/, "");
  checkKey(folder);
  return new PrefixedStore(store, `${folder}/`);
}

class PrefixedStore implements ObjectStore {
  readonly location: string;
  readonly #store: ObjectStore;
  readonly #prefix: string;

  constructor(store: ObjectStore, prefix: string) {
    this.#store = store;
    this.#prefix = prefix;
    this.location = store.location + prefix;
  }

  get(key: string, options?: CallOptions): Promise<StoredObject | undefined> {
    return this.#store.get(this.#prefix + key, options);
  }

  getIfChanged(
    key: string,
    etag: string,
    options?: CallOptions,
  ): Promise<StoredObject | "not-modified" | undefined> {
    return this.#store.getIfChanged(this.#prefix + key, etag, options);
  }

  getRange(
    key: string,
    start: number,
    length: number,
    options?: CallOptions,
  ): Promise<Uint8Array | undefined> {
    return this.#store.getRange(this.#prefix + key, start, length, options);
  }

  put(key: string, body: Uint8Array, condition: PutCondition, options?: CallOptions): Promise<PutOutcome> {
    return this.#store.put(this.#prefix + key, body, condition, options);
  }

  putStream(
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    condition: PutCondition,
    options?: CallOptions,
  ): Promise<PutOutcome> {
    return this.#store.putStream(this.#prefix + key, chunks, condition, options);
  }

  async *list(prefix: string, options?: CallOptions): AsyncIterable<ListedObject> {
    for await (const object of this.#store.list(this.#prefix + prefix, options))
      yield { ...object, key: object.key.slice(this.#prefix.length) };
  }

  delete(key: string, options?: CallOptions): Promise<void> {
    return this.#store.delete(this.#prefix + key, options);
  }

  async close(): Promise<void> {}
}
