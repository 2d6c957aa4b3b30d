import type { ClusterDocument } from "../document/document.ts";
import type { MoveReport } from "./move-input.ts";

export interface DrainStatus {
  readonly state: "DRAINING" | "DRAINED" | "BLOCKED";
  /** Partitions that the executor still owns, serves or learns. */
  readonly remaining: number;
  /** Why it is blocked. */
  readonly reason?: string;
}

/** How far the drain of an executor is; `blocked` is that of the newest {@link MoveReport}. */
export function drainStatus(
  document: ClusterDocument,
  executor: string,
  blocked: MoveReport["blocked"] = new Map(),
): DrainStatus {
  let remaining = 0;
  for (const { partitions } of Object.values(document.accelerations)) {
    remaining += partitions.ownedCounts().get(executor) ?? 0;
    for (const { learners = [], replicas = [] } of partitions.columns.extras.values()) {
      if (learners.includes(executor) || replicas.includes(executor)) remaining += 1;
    }
  }
  if (remaining === 0) return { state: "DRAINED", remaining };
  const reason = blocked.get(executor);
  return reason === undefined ? { state: "DRAINING", remaining } : { state: "BLOCKED", remaining, reason };
}
