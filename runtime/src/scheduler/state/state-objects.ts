import { faultPoint } from "../../adapters/system/fault-point.ts";
import { parseRoot, printDocument, rememberEncoding } from "../../core/cluster/document/codec.ts";
import { CLUSTER_KEY, type ClusterDocument } from "../../core/cluster/document/document.ts";
import type { PartitionSet } from "../../core/cluster/document/partition-set.ts";
import {
  type AssignmentObject,
  assignmentKey,
  decodePartitions,
} from "../../core/cluster/document/partitions-object.ts";
import { stateFolders } from "../../core/cluster/document/state-keys.ts";
import { CorruptDocumentError, MissingDocumentError } from "../../core/cluster/errors.ts";
import {
  type ObjectStore,
  type PutCondition,
  type PutOutcome,
  StoreError,
} from "../../ports/object-store.ts";

/** The document as it stands in the store under one ETag. */
export interface Snapshot {
  readonly document: ClusterDocument;
  readonly etag: string;
  /** Size of the root as stored. */
  readonly rootBytes: number;
}

interface Held {
  readonly object: AssignmentObject;
  readonly set: PartitionSet;
}

/**
 * Reads and writes the root with the assignment objects that it names. Objects are immutable, so each is read once
 * while it is in use and written once before the root that names it.
 */
export class StateObjects {
  readonly store: ObjectStore;
  readonly path: string;
  readonly #maxInline: number | undefined;
  #held = new Map<string, Held>();

  constructor(store: ObjectStore, maxInline: number | undefined) {
    this.store = store;
    this.path = join(store.location, CLUSTER_KEY);
    this.#maxInline = maxInline;
  }

  /** The present document; `"not-modified"` while its ETag is `etag`, undefined when there is none. */
  async read(
    etag: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Snapshot | "not-modified" | undefined> {
    const options = signal === undefined ? {} : { signal };
    for (let attempt = 1; ; attempt += 1) {
      const found =
        etag === undefined || attempt > 1
          ? await this.store.get(CLUSTER_KEY, options)
          : await this.store.getIfChanged(CLUSTER_KEY, etag, options);
      if (found === undefined || found === "not-modified") return found;
      const root = parseRoot(found.body, this.path);
      const held = new Map<string, Held>();
      let missing: string | undefined;
      for (const { sha256 } of root.references.values()) {
        const known = this.#held.get(sha256) ?? (await this.#fetch(sha256, signal));
        if (known === undefined) missing = sha256;
        else held.set(sha256, known);
      }
      if (missing === undefined) {
        this.#held = held;
        const document = root.complete((_, ref) => held.get(ref.sha256)!.set);
        for (const [table, ref] of root.references) {
          const entry = document.accelerations[table]!;
          rememberEncoding(table, entry.revision, entry.partitions, held.get(ref.sha256)!.object);
        }
        return { document, etag: found.etag, rootBytes: found.body.byteLength };
      }
      // Between the two reads the root may have moved on and the object been collected; a root that stays and
      // names what is not there is corrupt.
      if (attempt === 2) {
        throw new CorruptDocumentError(
          `Cluster document at ${this.path} is corrupt: it names ${assignmentKey(missing)}, which does not exist. Restore that object from a backup or an older object version`,
        );
      }
    }
  }

  /** Write the objects that are new, then the root under `condition`. Errors of the store pass through. */
  async write(
    document: ClusterDocument,
    condition: PutCondition,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly outcome: PutOutcome; readonly rootBytes: number }> {
    const options = signal === undefined ? {} : { signal };
    const printed = printDocument(document, this.#maxInline);
    for (const object of printed.objects) {
      if (this.#held.has(object.sha256)) continue;
      // The name says the content: where the object exists already, it is this one.
      const { kind } = await this.store.put(object.key, object.body, { kind: "absent" }, options);
      if (kind === "conflict" || kind === "missing") {
        throw new StoreError(`Writing ${object.key} met a concurrent request`, { retryable: true });
      }
    }
    faultPoint("before-cluster-put");
    const outcome = await this.store.put(CLUSTER_KEY, printed.root, condition, options);
    faultPoint("after-cluster-put");
    if (outcome.kind === "written") {
      this.#held = new Map(
        printed.objects.map((object) => [
          object.sha256,
          { object, set: document.accelerations[object.table]!.partitions },
        ]),
      );
    }
    return { outcome, rootBytes: printed.root.byteLength };
  }

  /** The key of an object that only a cluster leaves beside its document; undefined in a fresh place. */
  async leftover(signal: AbortSignal | undefined): Promise<string | undefined> {
    const options = signal === undefined ? {} : { signal };
    for (const folder of stateFolders) {
      for await (const { key } of this.store.list(folder, options)) return key;
    }
    return undefined;
  }

  missing(leftover?: string): MissingDocumentError {
    return new MissingDocumentError(this.path, leftover);
  }

  async #fetch(sha256: string, signal: AbortSignal | undefined): Promise<Held | undefined> {
    const key = assignmentKey(sha256);
    const found = await this.store.get(key, signal === undefined ? {} : { signal });
    if (found === undefined) return undefined;
    const { table, set } = decodePartitions(found.body, join(this.store.location, key), sha256);
    return { object: { table, key, sha256, body: found.body }, set };
  }
}

function join(location: string, key: string): string {
  return location.endsWith("/") ? `${location}${key}` : `${location}/${key}`;
}
