import { messageOf } from "../text/message-of.ts";

/** The document is of another schema version than this program reads (spec chapter 04). */
export class UnsupportedSchemaVersionError extends Error {
  override readonly name = "UnsupportedSchemaVersionError";
  constructor(path: string, found: unknown) {
    super(
      `Cluster document at ${path} has unsupported schema version ${typeof found === "string" ? found : JSON.stringify(found)}`,
    );
  }
}

/** The document, or an object that it names, is corrupt or not ours. The message says what to do. */
export class CorruptDocumentError extends Error {
  override readonly name = "CorruptDocumentError";
}

/** There is no document where there was one: never silently recreated. */
export class MissingDocumentError extends Error {
  override readonly name = "MissingDocumentError";
  /** `leftover`: an object beside it that only a cluster leaves. */
  constructor(path: string, leftover?: string) {
    super(
      leftover === undefined
        ? `Cluster document is missing at ${path}`
        : `Cluster document is missing at ${path}, but ${leftover} of its cluster is there. It is not made anew: executors may hold partitions under it. Restore it from a backup or an older object version; to begin a new cluster, empty the state location first`,
    );
  }
}

/** There is the document of another cluster where this cluster's was. */
export class ForeignDocumentError extends Error {
  override readonly name = "ForeignDocumentError";
  constructor(path: string, own: string, found: string) {
    super(
      `Cluster document at ${path} belongs to another cluster: its cluster_id is ${found}, this cluster's ${own}. Nothing is written to it. Give each cluster a state_location of its own and restore this cluster's document`,
    );
  }
}

/**
 * The document stands at an earlier revision than this scheduler has seen, or another write took the place of one
 * that it has seen: somebody put an older version back under a running cluster.
 */
export class RestoredDocumentError extends Error {
  override readonly name = "RestoredDocumentError";
  constructor(path: string, known: number, found: number) {
    super(
      found > known
        ? `Cluster document at ${path} stands at revision ${found} but lacks writes of revision ${known}: an older version was restored while the cluster ran, and other schedulers have written to it since. This scheduler does not, and what it knew before stays in force. Stop all schedulers and executors, then start them again`
        : `Cluster document at ${path} went back from revision ${known} to ${found}: an older version was restored while the cluster ran. Nothing is written to it, and what was known before stays in force. Put revision ${known} back; to go on from the older version, stop all schedulers and executors, then start them again`,
    );
  }
}

/** Every attempt of a conditional write lost against other writers. */
export class ConcurrentModificationError extends Error {
  override readonly name = "ConcurrentModificationError";
  constructor(path: string, attempts: number, cause?: unknown) {
    super(`Concurrent modification on cluster document at ${path}; gave up after ${attempts} attempts`, {
      cause,
    });
  }
}

/** The reply to a write was lost and the document could not be read back: it may or may not have happened. */
export class UnknownCommitError extends Error {
  override readonly name = "UnknownCommitError";
  constructor(path: string, cause: unknown) {
    super(`The outcome of a write to the cluster document at ${path} is unknown: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** This process is not (any more) the registered instance of its scheduler id, so it may not write. */
export class NotRegisteredError extends Error {
  override readonly name = "NotRegisteredError";
  constructor(schedulerId: string) {
    super(`Scheduler ${schedulerId} is not registered in the cluster document under this instance`);
  }
}

/** The id is held by another process that is alive. */
export class AlreadyRegisteredError extends Error {
  override readonly name = "AlreadyRegisteredError";
  constructor(schedulerId: string) {
    super(`scheduler id ${schedulerId} is already registered`);
  }
}
