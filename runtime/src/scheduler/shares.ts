import type { TableAssignment } from "@spice-shards/proto";
import type { ClusterDocument, TableEntry } from "../core/cluster/document.ts";

/** Per table, what each executor shall hold; built once per version of the table and shared by all readers. */
const shares = new WeakMap<TableEntry, ReadonlyMap<string, TableAssignment>>();

/**
 * What the document gives one executor, table by table: also the empty share of a table that it holds nothing of, so
 * that it drops what it held before.
 */
export function sharesOf(document: ClusterDocument, executor: string): TableAssignment[] {
  return Object.values(document.accelerations).map(
    (table) => sharesOfTable(table).get(executor) ?? emptyShare(table),
  );
}

function sharesOfTable(table: TableEntry): ReadonlyMap<string, TableAssignment> {
  const known = shares.get(table);
  if (known !== undefined) return known;
  const byExecutor = new Map<string, TableAssignment>();
  const { partitions } = table;
  for (let i = 0; i < partitions.count; i++) {
    const [key, epoch] = [partitions.key(i), partitions.epoch(i)];
    const give = (executor: string, role: string) => {
      let share = byExecutor.get(executor);
      if (share === undefined) {
        share = emptyShare(table);
        byExecutor.set(executor, share);
      }
      share.partitions.push({ key, epoch, role });
    };
    const [owner, ...replicas] = partitions.holders(i);
    if (owner !== undefined) give(owner, "owner");
    for (const executor of replicas) give(executor, "replica");
    for (const executor of partitions.learners(i)) give(executor, "learner");
  }
  shares.set(table, byExecutor);
  return byExecutor;
}

function emptyShare(table: TableEntry): TableAssignment {
  return {
    table: table.table_name,
    revision: table.revision,
    expressions: [...table.partition_expressions],
    partitions: [],
  };
}
