import type { ClusterDocument, TableEntry } from "../document/document.ts";
import type { HeldPartition, TableAssignment } from "../membership/messages.ts";

/** What every executor holds of one table, by executor id. */
export function slicesOf(table: TableEntry): Map<string, HeldPartition[]> {
  const slices = new Map<string, HeldPartition[]>();
  const { executors, owners, extras } = table.partitions.columns;
  const add = (executor: string, held: HeldPartition) => {
    const slice = slices.get(executor);
    if (slice === undefined) slices.set(executor, [held]);
    else slice.push(held);
  };
  for (let i = 0; i < owners.length; i += 1) {
    const owner = owners[i]!;
    const extra = extras.get(i);
    if (owner < 0 && extra === undefined) continue;
    const key = table.partitions.key(i);
    const epoch = table.partitions.epoch(i);
    if (owner >= 0) add(executors[owner]!, { key, epoch, role: "owner" });
    for (const replica of extra?.replicas ?? []) add(replica, { key, epoch, role: "replica" });
    const from = owner >= 0 ? { from: executors[owner]! } : {};
    for (const learner of extra?.learners ?? []) add(learner, { key, epoch, role: "learner", ...from });
  }
  return slices;
}

/** What one executor holds, per table that it holds anything of. */
export function assignmentOf(document: ClusterDocument, executor: string): TableAssignment[] {
  return Object.values(document.accelerations).flatMap((table) => {
    const partitions = slicesOf(table).get(executor);
    return partitions === undefined ? [] : [tableAssignment(table, partitions)];
  });
}

export function tableAssignment(table: TableEntry, partitions: readonly HeldPartition[]): TableAssignment {
  return {
    table: table.table_name,
    revision: table.revision,
    expressions: table.partition_expressions,
    partitions,
  };
}
