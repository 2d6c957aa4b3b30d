import type { ClusterDocument, TableEntry } from "./document/document.ts";

/** Who writes, and the number of this write. */
export interface Writer {
  readonly schedulerId: string;
  readonly instanceId: string;
  readonly sequence: number;
}

/**
 * Finish a changed document for writing: the root's revision grows by one, each table that is not the same object
 * as in `base` takes that revision, and the writer's entry takes the number of the write. A change itself never
 * touches these fields.
 */
export function seal(
  base: ClusterDocument,
  changed: ClusterDocument,
  writer: Writer,
  nowMs: number,
): ClusterDocument {
  const revision = base.revision + 1;
  const accelerations: Record<string, TableEntry> = {};
  for (const [name, table] of Object.entries(changed.accelerations)) {
    accelerations[name] =
      base.accelerations[name] === table ? table : { ...table, revision, updated_at: nowMs };
  }
  const own = changed.schedulers[writer.schedulerId];
  const schedulers =
    own?.instance_id === writer.instanceId
      ? { ...changed.schedulers, [writer.schedulerId]: { ...own, last_write_seq: writer.sequence } }
      : changed.schedulers;
  return { ...changed, revision, updated_at_ms: nowMs, schedulers, accelerations };
}

/** True when `document` shows that the write numbered `writer.sequence` was committed, whoever wrote since. */
export function wasCommitted(document: ClusterDocument, writer: Writer): boolean {
  const own = document.schedulers[writer.schedulerId];
  return own?.instance_id === writer.instanceId && own.last_write_seq >= writer.sequence;
}

/** True when the writer's instance is the registered one. */
export function isRegistered(document: ClusterDocument, writer: Omit<Writer, "sequence">): boolean {
  return document.schedulers[writer.schedulerId]?.instance_id === writer.instanceId;
}
