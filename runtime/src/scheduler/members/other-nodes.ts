import type { ClusterDocument } from "../../core/cluster/document/document.ts";

/** The other nodes of a cluster. */
export interface OtherNodes {
  /** Address by id of those that should answer. */
  readonly answering: ReadonlyMap<string, string>;
  /** Executors that are not heard. */
  readonly silent: readonly string[];
}

/** The nodes besides the scheduler `self`; `live` are the executors that it hears. */
export function otherNodes(document: ClusterDocument, self: string, live: readonly string[]): OtherNodes {
  const answering = new Map<string, string>();
  for (const s of Object.values(document.schedulers)) answering.set(s.scheduler_id, s.advertise_address);
  answering.delete(self);
  for (const id of live) answering.set(id, id);
  return { answering, silent: Object.keys(document.executors).filter((id) => !live.includes(id)) };
}
