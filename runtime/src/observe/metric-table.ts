/** One series of the product (spec chapter 10). Names are exact; nothing is appended to them. */
export interface MetricSpec {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** Which nodes have it. */
  readonly where: "node" | "scheduler" | "executor" | "acceleration" | "api";
  readonly labels?: readonly string[];
  /** The values of a label that are known beforehand, so that the series exist at zero from the start. */
  readonly initial?: readonly Readonly<Record<string, string>>[];
  readonly help: string;
}

const outcomes = (label: string, ...values: string[]) => values.map((value) => ({ [label]: value }));

/** Every series that this version writes. */
export const metricTable = [
  metric("node_status", "gauge", "node", "1 alive, 0 known but silent", ["node_id", "role"]),
  metric(
    "node_tasks_total",
    "counter",
    "node",
    "Fragments and refreshes that ended",
    ["status"],
    [...outcomes("status", "ok", "failed", "cancelled")],
  ),
  metric("node_tasks_active", "gauge", "node", "Fragments and refreshes that are running"),
  metric(
    "node_task_failures",
    "counter",
    "node",
    "Tasks that failed",
    ["error_type"],
    [...outcomes("error_type", "engine", "memory", "network", "source", "stale_plan", "timeout", "other")],
  ),
  metric("node_task_retries", "counter", "node", "Refreshes that failed and are tried again"),
  metric("scheduler_executor_assignments", "counter", "scheduler", "Committed assignments of partitions"),
  metric("scheduler_active_executors_count", "gauge", "scheduler", "Control streams open at this scheduler"),
  metric("scheduler_count", "gauge", "scheduler", "Schedulers registered in the cluster document"),
  metric("scheduler_partitions_count", "gauge", "scheduler", "Partitions by state", ["dataset", "status"]),
  metric("scheduler_partition_discovery_duration_ms", "histogram", "scheduler", "Time of one discovery", [
    "dataset",
  ]),
  metric(
    "scheduler_partition_state_operations",
    "counter",
    "scheduler",
    "Changes of partition state",
    ["status"],
    [...outcomes("status", "added", "removed", "reassigned")],
  ),
  metric("scheduler_planning_duration_ms", "histogram", "scheduler", "Time to plan one query"),
  metric(
    "scheduler_stages_total",
    "counter",
    "scheduler",
    "Stages of queries: fragments of one block and final statements",
  ),
  metric(
    "scheduler_stage_duration_ms",
    "histogram",
    "scheduler",
    "Time of one fragment on all its executors",
  ),
  metric(
    "scheduler_job_queue_depth",
    "gauge",
    "scheduler",
    "Queries that wait for their turn or for a holder",
  ),
  metric(
    "scheduler_task_queue_depth",
    "gauge",
    "scheduler",
    "Fragments that executors were sent and that run on",
  ),
  metric("scheduler_result_fetch_bytes", "counter", "scheduler", "Bytes of fragment results that arrived"),
  metric("scheduler_result_fetch_rows", "counter", "scheduler", "Rows of fragment results that arrived"),
  metric("scheduler_result_fetch_count", "counter", "scheduler", "Fragment results that arrived"),
  metric("scheduler_result_fetch_duration_ms", "histogram", "scheduler", "Time to fetch one fragment result"),
  metric("query_executor_count", "histogram", "scheduler", "Executors that one query asked"),
  metric(
    "query_planning_failures",
    "counter",
    "scheduler",
    "Queries that could not be planned",
    ["error_type"],
    [...outcomes("error_type", "invalid", "missing_partitions", "no_executors", "stale_plan", "other")],
  ),
  metric(
    "cluster_state_commits",
    "counter",
    "scheduler",
    "Conditional writes of the cluster document",
    ["result"],
    [...outcomes("result", "committed", "conflict", "failed")],
  ),
  metric("cluster_state_bytes", "gauge", "scheduler", "Size of the cluster document"),
  metric("executor_tasks_active", "gauge", "executor", "Fragments that are running"),
  metric("executor_tasks_total", "counter", "executor", "Fragments that ended"),
  metric("executor_task_failures", "counter", "executor", "Fragments that failed"),
  metric("executor_task_duration_ms", "histogram", "executor", "Time of one fragment"),
  metric("executor_memory_available_bytes", "gauge", "executor", "Memory that the engine may still take"),
  metric("executor_assigned_partitions_count", "gauge", "executor", "Partitions that this executor owns", [
    "dataset",
  ]),
  metric("executor_partition_copy_bytes", "counter", "executor", "Bytes of copied partitions that arrived"),
  metric("executor_partition_copy_rows", "counter", "executor", "Rows of partitions that were copied whole"),
  metric("executor_partition_copy_count", "counter", "executor", "Versions of partitions copied from owners"),
  metric("executor_scheduler_active_connections", "gauge", "executor", "Control streams open to schedulers"),
  metric("dataset_acceleration_refresh_duration_ms", "histogram", "acceleration", "Time of one refresh", [
    "dataset",
  ]),
  metric("dataset_acceleration_refresh_errors", "counter", "acceleration", "Refreshes that failed", [
    "dataset",
  ]),
  metric("dataset_acceleration_refresh_rows", "counter", "acceleration", "Rows that refreshes wrote", [
    "dataset",
  ]),
  metric("dataset_acceleration_refresh_bytes", "counter", "acceleration", "Bytes that refreshes wrote", [
    "dataset",
  ]),
  metric(
    "dataset_acceleration_last_refresh_unix_time_ms",
    "gauge",
    "acceleration",
    "When the last refresh ended",
    ["dataset"],
  ),
  metric("dataset_acceleration_size_bytes", "gauge", "acceleration", "Size of this node's partitions", [
    "dataset",
  ]),
  metric("dataset_acceleration_rows", "gauge", "acceleration", "Rows of this node's partitions", ["dataset"]),
  metric("query_duration_ms", "histogram", "api", "Time from a query's arrival to its last row"),
  metric("query_execution_duration_ms", "histogram", "api", "Time from the end of planning to the last row"),
  metric("query_executions", "counter", "api", "Queries that arrived"),
  metric(
    "query_failures",
    "counter",
    "api",
    "Queries that failed",
    ["err_code"],
    [
      ...outcomes(
        "err_code",
        "invalid",
        "unavailable",
        "resource_exhausted",
        "timeout",
        "cancelled",
        "internal",
      ),
    ],
  ),
  metric("query_memory_pool_used_bytes", "gauge", "api", "Memory that the engine holds for queries"),
  metric("http_requests_duration_ms", "histogram", "api", "Time of one HTTP request", [
    "method",
    "route",
    "status",
  ]),
  metric("process_resident_memory_bytes", "gauge", "api", "Resident memory of the process"),
  metric("nodejs_eventloop_lag_ms", "gauge", "api", "Longest delay of the event loop since the last scrape"),
] as const satisfies readonly MetricSpec[];

export type MetricName = (typeof metricTable)[number]["name"];

function metric<N extends string, T extends MetricSpec["type"]>(
  name: N,
  type: T,
  where: MetricSpec["where"],
  help: string,
  labels: readonly string[] = [],
  initial: readonly Readonly<Record<string, string>>[] = [],
) {
  return { name, type, where, help, labels, initial } as const;
}

/** Markdown of the table, for `docs/metrics.md`. */
export function metricsMarkdown(): string {
  const rows = (metricTable as readonly MetricSpec[]).map(({ name, type, where, labels = [], help }) => {
    const full = labels.length === 0 ? name : `${name}{${labels.join(",")}}`;
    return `| \`${full}\` | ${type} | ${where} | ${help} |`;
  });
  return `| series | type | where | meaning |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`;
}
