import type { ClusterAdmin } from "../../admin/port.ts";
import type { Issuing, ObservedLeaf, ObservedRoot } from "../../certificates/state.ts";
import type { Validation } from "../../validate/validate.ts";
import type { ClusterObject, ConfigMapObject } from "../objects.ts";

/** What was seen in a cluster's Secrets: nothing secret, and no more than a way to read them less often. */
export interface SeenSecrets {
  readonly atMs: number;
  readonly root: ObservedRoot | undefined;
  readonly leaves: ReadonlyMap<string, ObservedLeaf>;
  readonly suppliedRoot: string | undefined;
  /** The issuer that the resource named, and what it had made. */
  readonly issuer: string | undefined;
  readonly issuing: Issuing | undefined;
}

/** The operator's own leaf for one cluster, of role `operator`; made anew by every process. */
export interface OperatorLeaf {
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  /** The root that signed it and the roots that it trusts: another pair needs another leaf. */
  readonly roots: string;
  readonly renewAtMs: number;
}

/**
 * What a pass saw that found all as it shall be. As long as nothing of it is otherwise, another pass would do nothing. Text
 * is kept by its digest.
 */
export interface Settled {
  /** Of the children, and of what users ask. */
  readonly versions: string;
  /** Of the resource with its status. */
  readonly resourceVersion: string;
  /** Of what the schedulers answered, but for times of refreshes. */
  readonly view: string;
  /** When to ask the schedulers again, and when time itself asks for a pass: a resync, a certificate (monotonic). */
  readonly askAgainMs: number;
  readonly untilMs: number;
  /** Whether the condition Paused is True. */
  readonly paused: boolean;
}

/** How a cluster's schedulers are reached, as its resource says. */
export interface SchedulerAccess {
  readonly port: number;
  readonly insecure: boolean;
}

/** What a process remembers of a cluster. It may be lost at any time: everything in it is derived again. */
export class ClusterMemory {
  readonly uid: string;
  secrets: SeenSecrets | undefined;
  leaf: OperatorLeaf | undefined;
  admin: { readonly target: string; readonly connection: ClusterAdmin } | undefined;
  /** As the last valid resource said. */
  schedulers: SchedulerAccess | undefined;
  settled: Settled | undefined;
  /** The resource as our last write left it, until the cache has it. */
  written: ClusterObject | undefined;
  /** What validation said of a version of the resource and its volumes. */
  judged: { readonly version: string; readonly validation: Validation } | undefined;
  /** The ConfigMap that the resource names, of the version that the cache knows. */
  configMap: ConfigMapObject | undefined;
  /** When references to others' objects were last found to be right, and which they were. */
  references: { readonly digest: string; readonly atMs: number } | undefined;
  /** Whether the leaves of a cluster without mTLS are known to be gone. */
  leavesGone = false;
  podMonitor: { readonly digest: string; readonly atMs: number } | undefined;
  /** Children, as `Kind/name`, that were applied without a look and that the cache has not shown since. */
  readonly assumedAbsent = new Set<string>();
  /** When this process first saw that the cluster is to be deleted (monotonic). */
  deletionSeenMs: number | undefined;
  /** Since when all its nodes have stopped and its state is to be removed (monotonic). */
  stateRemovalMs: number | undefined;

  /** Since when no scheduler answers of a cluster that was ready (monotonic). */
  silentSinceMs: number | undefined;

  /** Since when every pass has failed (monotonic). */
  failingSinceMs: number | undefined;

  constructor(uid: string) {
    this.uid = uid;
  }

  /** Ends the connection to the schedulers; the next question makes another. */
  close(): void {
    this.admin?.connection.close();
    this.admin = undefined;
  }

  /** Lets go of what only passes need that change something. */
  rest(settled: Settled): void {
    this.settled = settled;
    this.judged = undefined;
    this.configMap = undefined;
    this.close();
  }
}

/** The memories of all clusters; another cluster of the same name starts anew. */
export class Memories {
  readonly #byKey = new Map<string, ClusterMemory>();

  of(key: string, uid: string): ClusterMemory {
    const present = this.#byKey.get(key);
    if (present?.uid === uid) return present;
    present?.close();
    const fresh = new ClusterMemory(uid);
    this.#byKey.set(key, fresh);
    return fresh;
  }

  /** The memory of a cluster that was looked at. */
  find(key: string): ClusterMemory | undefined {
    return this.#byKey.get(key);
  }

  /** Connections to schedulers that are open. */
  get connections(): number {
    let count = 0;
    for (const { admin } of this.#byKey.values()) if (admin !== undefined) count += 1;
    return count;
  }

  forget(key: string): void {
    this.#byKey.get(key)?.close();
    this.#byKey.delete(key);
  }

  close(): void {
    for (const key of [...this.#byKey.keys()]) this.forget(key);
  }
}
