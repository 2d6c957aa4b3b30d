import { activeExecutors, type ClusterDocument } from "../document/document.ts";

export type AdviceCode =
  | "FewerPartitionsThanExecutors"
  | "TooManyPartitions"
  | "ManyPartitionsPerExecutor"
  | "NearExecutorCapacity"
  | "LargeClusterDocument";

/** A hint on the layout: nothing is wrong yet. Logged once per table, shown in `/v1/status` and as a condition. */
export interface Advice {
  readonly code: AdviceCode;
  /** The table it is about; absent when it is about the cluster. */
  readonly table?: string;
  readonly message: string;
}

export interface AdviceInput {
  readonly document: ClusterDocument;
  /** Size of `cluster.json` as written. */
  readonly rootBytes: number;
  readonly maxPerExecutor: number;
}

const MANY_PER_TABLE = 32;
const MANY_PER_EXECUTOR = 100;
const LARGE_ROOT = 1_000_000;

/** The advice list of spec chapter 04, in a fixed order: by table name, then the cluster's. */
export function advise({ document, rootBytes, maxPerExecutor }: AdviceInput): Advice[] {
  const executors = activeExecutors(document).length;
  const list: Advice[] = [];
  const owned = new Map<string, number>();
  let total = 0;
  for (const name of Object.keys(document.accelerations).sort()) {
    const table = document.accelerations[name]!;
    const { count } = table.partitions;
    total += count;
    for (const [id, n] of table.partitions.ownedCounts()) owned.set(id, (owned.get(id) ?? 0) + n);
    if (executors === 0 || table.partition_expressions.length === 0) continue;
    if (count < executors) {
      list.push({
        code: "FewerPartitionsThanExecutors",
        table: name,
        message: `Table ${name} has ${count} partition(s) for ${executors} executors: some executors hold none of it. Partition it more finely.`,
      });
    } else if (count > MANY_PER_TABLE * executors) {
      list.push({
        code: "TooManyPartitions",
        table: name,
        message: `Table ${name} has ${count} partitions, more than ${MANY_PER_TABLE} for each of ${executors} executors: every query pays for each of them. Partition it more coarsely.`,
      });
    }
  }
  if (executors > 0 && total > MANY_PER_EXECUTOR * executors) {
    list.push({
      code: "ManyPartitionsPerExecutor",
      message: `${total} partitions on ${executors} executors are more than ${MANY_PER_EXECUTOR} each. Add executors or partition more coarsely.`,
    });
  }
  const most = Math.max(0, ...owned.values());
  if (most > maxPerExecutor / 2) {
    const [id] = [...owned].filter(([, n]) => n === most).sort()[0]!;
    list.push({
      code: "NearExecutorCapacity",
      message: `Executor ${id} holds ${most} partitions, over half of max_partitions_per_executor (${maxPerExecutor}). Add executors, or raise the limit.`,
    });
  }
  if (rootBytes > LARGE_ROOT) {
    list.push({
      code: "LargeClusterDocument",
      message: `cluster.json has ${rootBytes} bytes, over ${LARGE_ROOT}: every change rewrites it. Use fewer tables or fewer partitions.`,
    });
  }
  return list;
}

/** Those of `advice` that are not in `said` yet; adds them to it. A log that speaks once per table. */
export function unsaid(advice: readonly Advice[], said: Set<string>): Advice[] {
  return advice.filter(({ code, table }) => {
    const mark = `${code} ${table ?? ""}`;
    if (said.has(mark)) return false;
    said.add(mark);
    return true;
  });
}
