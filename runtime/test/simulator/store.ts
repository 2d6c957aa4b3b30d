import { hash } from "node:crypto";
import {
  AmbiguousWriteError,
  type CallOptions,
  type ListedObject,
  type ObjectStore,
  type PutCondition,
  type PutOutcome,
  type StoredObject,
  StoreError,
} from "../../src/ports/object-store.ts";
import type { SimProcess } from "./process.ts";
import type { World } from "./world.ts";

/** Probabilities of what goes wrong with a request, each in [0, 1]. */
export interface StoreFaults {
  /** The request is carried out and the answer never comes. */
  readonly lostReply: number;
  /** The request never arrives. */
  readonly lostRequest: number;
  /** The request is carried out after its sender gave up. */
  readonly late: number;
  /** A conditional write is answered by 409. */
  readonly conflict: number;
}

export const NO_FAULTS: StoreFaults = { lostReply: 0, lostRequest: 0, late: 0, conflict: 0 };

/** After this long a request without an answer is given up by its sender. */
const REQUEST_TIMEOUT_MS = 3_000;

/** A write that took effect. */
export interface StoreWrite {
  readonly key: string;
  readonly body: Uint8Array;
  readonly writer: SimProcess;
}

/** The store's own state and conduct: objects, conditions, faults. ETags are those of the bytes, as on S3. */
export class SimStore {
  readonly objects = new Map<string, StoredObject>();
  faults: StoreFaults = NO_FAULTS;
  outage = false;
  readonly cutOff = new Set<SimProcess>();
  readonly #world: World;
  readonly #onWrite: (write: StoreWrite) => void;
  readonly #note: (what: string) => void;

  /** `note` is told what went wrong with requests. */
  constructor(world: World, onWrite: (write: StoreWrite) => void, note: (what: string) => void = () => {}) {
    this.#world = world;
    this.#note = note;
    this.#onWrite = onWrite;
  }

  /** The store as one process sees it over the network. */
  client(process: SimProcess): ObjectStore {
    const read = <T>(effect: () => T) => this.#request(process, false, effect);
    const write = <T>(effect: () => T) => this.#request(process, true, effect);
    return {
      location: "sim://bucket/state/",
      get: (key) => read(() => this.objects.get(key)),
      getIfChanged: (key, etag) =>
        read(() => {
          const found = this.objects.get(key);
          return found?.etag === etag ? ("not-modified" as const) : found;
        }),
      getRange: (key, start, length) =>
        read(() => this.objects.get(key)?.body.subarray(start, start + length)),
      put: (key, body, condition) => write(() => this.#put(process, key, body, condition)),
      putStream: async (key, chunks, condition) => {
        const parts: Uint8Array[] = [];
        for await (const chunk of chunks) parts.push(chunk);
        return write(() => this.#put(process, key, Buffer.concat(parts), condition));
      },
      list: (prefix, options) => this.#list(process, prefix, options),
      delete: (key) => write(() => void this.objects.delete(key)),
      close: async () => {},
    };
  }

  #put(process: SimProcess, key: string, body: Uint8Array, condition: PutCondition): PutOutcome {
    const found = this.objects.get(key);
    if (condition.kind !== "any" && this.#world.random.chance(this.faults.conflict)) {
      return { kind: "conflict" };
    }
    if (condition.kind === "absent" && found !== undefined) return { kind: "precondition-failed" };
    if (condition.kind === "match") {
      if (found === undefined) return { kind: "missing" };
      if (found.etag !== condition.etag) return { kind: "precondition-failed" };
    }
    const etag = hash("md5", body);
    this.objects.set(key, { body, etag });
    this.#onWrite({ key, body, writer: process });
    return { kind: "written", etag };
  }

  async *#list(
    process: SimProcess,
    prefix: string,
    _options: CallOptions | undefined,
  ): AsyncGenerator<ListedObject> {
    const listed = await this.#request(process, false, () =>
      [...this.objects].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1)),
    );
    for (const [key, { body, etag }] of listed) {
      yield { key, bytes: body.byteLength, etag, lastModifiedMs: 0 };
    }
  }

  /** One request of `process`: takes time both ways, and may fail on either. */
  #request<T>(process: SimProcess, isWrite: boolean, effect: () => T): Promise<T> {
    const { random } = this.#world;
    return new Promise<T>((resolve, reject) => {
      const giveUp = (why: string, sure: boolean) =>
        process.after(REQUEST_TIMEOUT_MS, () =>
          reject(isWrite && !sure ? new AmbiguousWriteError(why) : new StoreError(why, { retryable: true })),
        );
      const arrive = random.between(1, 40);
      if (this.outage || this.cutOff.has(process)) {
        giveUp("the store cannot be reached", random.chance(0.5));
        return;
      }
      const { lostRequest, lostReply, late } = this.faults;
      const dice = random.next();
      if (dice < lostRequest) {
        giveUp("the request was lost", false);
      } else if (dice < lostRequest + lostReply) {
        this.#world.after(arrive, () => void effect());
        giveUp("the reply was lost", false);
        if (isWrite) this.#note("reply to a write lost");
      } else if (dice < lostRequest + lostReply + late) {
        this.#world.after(REQUEST_TIMEOUT_MS + random.between(1, 2_000), () => void effect());
        giveUp("the request took too long", false);
        if (isWrite) this.#note("write came late");
      } else {
        this.#world.after(arrive, () => {
          const result = effect();
          this.#world.after(random.between(1, 40), () => process.enter(() => resolve(result)));
        });
      }
    });
  }
}
