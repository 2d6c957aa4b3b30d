import { type KubeObject, objectKey } from "../client/object.ts";
import { StatusError } from "../client/status-error.ts";

export interface FakeChange {
  readonly revision: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: KubeObject;
}

/** What an API server keeps in etcd, in memory: objects by path, one revision for all, a history to watch. */
export class FakeStore {
  #revision = 100;
  #uid = 0;
  readonly #uids = new Set<string>();
  #compacted = 0;
  readonly #objects = new Map<string, KubeObject>();
  /** Changes by collection, in order. */
  readonly #history = new Map<string, FakeChange[]>();
  readonly #listeners = new Set<() => void>();

  get revision(): number {
    return this.#revision;
  }

  /** Objects of a collection such as `apps/deployments`, by key. */
  list(collection: string): KubeObject[] {
    const prefix = `${collection}|`;
    return [...this.#objects]
      .filter(([path]) => path.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object);
  }

  get(collection: string, key: string): KubeObject | undefined {
    return this.#objects.get(`${collection}|${key}`);
  }

  /** Creates or replaces; a replacement that changes nothing gets no new version, as in a real server. */
  put(collection: string, object: KubeObject): KubeObject {
    const path = `${collection}|${objectKey(object)}`;
    const present = this.#objects.get(path);
    const { resourceVersion: _ignored, ...metadata } = object.metadata;
    const uid = present?.metadata.uid ?? this.#newUid(metadata.uid);
    const stored = { ...object, metadata: { ...metadata, uid } };
    if (
      present !== undefined &&
      same(
        { ...stored, metadata: { ...stored.metadata, resourceVersion: present.metadata.resourceVersion } },
        present,
      )
    ) {
      return present;
    }
    this.#revision += 1;
    const next = { ...stored, metadata: { ...stored.metadata, resourceVersion: `${this.#revision}` } };
    this.#objects.set(path, next);
    this.#record(collection, present === undefined ? "ADDED" : "MODIFIED", next);
    return next;
  }

  /** The uid that a test wants for an object, unless one had it before. */
  #newUid(wanted: string | undefined): string {
    const uid = wanted !== undefined && !this.#uids.has(wanted) ? wanted : `uid-${++this.#uid}`;
    this.#uids.add(uid);
    return uid;
  }

  delete(collection: string, key: string): boolean {
    const path = `${collection}|${key}`;
    const present = this.#objects.get(path);
    if (present === undefined) return false;
    this.#objects.delete(path);
    this.#revision += 1;
    const last = { ...present, metadata: { ...present.metadata, resourceVersion: `${this.#revision}` } };
    this.#record(collection, "DELETED", last);
    return true;
  }

  /** Forgets the history: a watch from an earlier version gets 410. */
  compact(): void {
    this.#compacted = this.#revision;
    this.#history.clear();
  }

  /** Changes after `revision`. @throws StatusError 410 when they are forgotten. */
  since(collection: string, revision: number): FakeChange[] {
    if (revision < this.#compacted) {
      throw new StatusError(
        410,
        { code: 410, reason: "Expired", message: "too old resource version" },
        "watch",
      );
    }
    const all = this.#history.get(collection) ?? [];
    let from = all.length;
    while (from > 0 && (all[from - 1]?.revision ?? 0) > revision) from -= 1;
    return all.slice(from);
  }

  /** Calls back after every change until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #record(collection: string, type: FakeChange["type"], object: KubeObject): void {
    const history = this.#history.get(collection) ?? [];
    history.push({ revision: this.#revision, type, object });
    this.#history.set(collection, history);
    for (const listener of [...this.#listeners]) listener();
  }
}

function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part) =>
    part !== null && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
