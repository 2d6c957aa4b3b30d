import { type KubeObject, objectKey } from "../client/object.ts";

/** Values under which an object is found in an index, such as the uid of its owner. */
export type IndexFunction<T> = (object: T) => readonly string[];

/** What readers see of a cache. Objects are shared: nobody changes them. */
export interface ReadCache<T extends KubeObject> {
  readonly size: number;
  /** The object of a key (`namespace/name` or `name`). */
  get(key: string): T | undefined;
  keys(): IterableIterator<string>;
  /** All objects, or those of a namespace. */
  list(namespace?: string): T[];
  /** The objects with `value` in the index. @throws RangeError for an index that was not declared. */
  byIndex(index: string, value: string): T[];
}

/** Objects by key, with indexes that follow every change. */
export class Cache<T extends KubeObject> implements ReadCache<T> {
  readonly #objects = new Map<string, T>();
  readonly #indexes: Map<string, { readonly of: IndexFunction<T>; readonly keys: Map<string, Set<string>> }>;

  constructor(indexes: Readonly<Record<string, IndexFunction<T>>> = {}) {
    this.#indexes = new Map(Object.entries(indexes).map(([name, of]) => [name, { of, keys: new Map() }]));
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  list(namespace?: string): T[] {
    const all = [...this.#objects.values()];
    return namespace === undefined ? all : all.filter((object) => object.metadata.namespace === namespace);
  }

  byIndex(index: string, value: string): T[] {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new RangeError(`there is no index ${index}`);
    return [...(found.keys.get(value) ?? [])].map((key) => this.#objects.get(key) as T);
  }

  set(object: T): void {
    const key = objectKey(object);
    this.delete(key);
    this.#objects.set(key, object);
    for (const { of, keys } of this.#indexes.values()) {
      for (const value of of(object)) {
        const members = keys.get(value);
        if (members === undefined) keys.set(value, new Set([key]));
        else members.add(key);
      }
    }
  }

  delete(key: string): void {
    const present = this.#objects.get(key);
    if (present === undefined) return;
    this.#objects.delete(key);
    for (const { of, keys } of this.#indexes.values()) {
      for (const value of of(present)) {
        const members = keys.get(value);
        members?.delete(key);
        if (members?.size === 0) keys.delete(value);
      }
    }
  }
}
