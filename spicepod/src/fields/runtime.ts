import { list, parameters, secretText } from "../field/collection.ts";
import { defaulted, optional } from "../field/field.ts";
import { bool, duration, integer, oneOf, size, text } from "../field/scalar.ts";
import { section } from "../field/section.ts";
import { notHere, onCommandLine } from "./refused.ts";

/** `runtime.scheduler` (spec chapters 02 and 04). */
export const schedulerSection = section(
  {
    state_location: optional(text("a URL"), "The object store that holds the cluster's shared state."),
    params: defaulted(
      parameters(),
      "Parameters of that store: `region`, `endpoint`, `auth`, `key`, `secret`.",
      {},
    ),
    partition_assignment_interval: defaulted(
      duration("wait"),
      "How often partitions of all accelerated tables are reconciled.",
      "30s",
    ),
    max_partition_assignments_per_interval: defaulted(
      integer(1),
      "How many assignments one cycle commits at most.",
      100,
    ),
    max_partitions_per_executor: defaulted(
      integer(1),
      "How many partitions one executor is given at most.",
      1000,
    ),
    max_partition_move_bytes: defaulted(
      size(),
      "How many bytes of partitions a rebalance moves at a time at most; a larger partition moves alone.",
      "16GiB",
    ),
    partition_discovery_timeout: defaulted(
      duration("wait"),
      "How long the discovery of partition values at the source may take.",
      "60s",
    ),
    partition_replicas: defaulted(integer(1), "How many executors hold each partition.", 1),
    executor_lost_after: defaulted(
      duration("wait"),
      "How long an executor is silent before its partitions move.",
      "15s",
    ),
  },
  {
    partition_management:
      "`partition_management` is an older form: its fields stand directly under `runtime.scheduler` as `partition_assignment_interval`, `max_partition_assignments_per_interval`, `max_partitions_per_executor` and `partition_discovery_timeout`.",
  },
);

const taskHistory = section({
  enabled: defaulted(bool(), "Whether tasks are recorded.", true),
  retention_period: defaulted(duration(), "How long records are kept.", "8h"),
  captured_output: defaulted(oneOf("none", "truncated"), "How much of a task's output is recorded.", "none"),
});

const auth = section({
  api_key: optional(
    section({
      enabled: defaulted(bool(), "Whether a key is asked for.", true),
      keys: defaulted(list(secretText()), "The keys that are accepted; read-only unless marked `:rw`.", []),
    }),
    "Authentication by key.",
  ),
});

const query = section(
  {
    memory_limit: optional(
      size(),
      "Memory that queries of one node may use before they spill; without it a scheduler keeps to 128 MiB where it can, and to 4 GiB.",
    ),
    temp_directory: optional(text("a path"), "Where queries spill to; `{data-dir}/tmp` without it."),
  },
  notHere("spill_compression"),
);

const telemetry = section(
  {
    otel_exporter: optional(
      section({
        enabled: defaulted(bool(), "Whether metrics are pushed.", true),
        endpoint: optional(text("a URL"), "Where to, by OTLP."),
        push_interval: defaulted(duration("wait"), "How often.", "60s"),
      }),
      "Metrics pushed by OTLP.",
    ),
  },
  {
    ...notHere("user_agent_collection", "properties", "metric_prefix"),
    enabled: "`enabled` is not supported: nothing is reported to anybody unless `otel_exporter` is set.",
  },
);

/** `runtime` (spec chapters 02 and 10). */
export const runtimeSection = section(
  {
    scheduler: optional(schedulerSection, "The cluster; its presence makes this node a scheduler."),
    task_history: optional(taskHistory, "The record of queries and other tasks."),
    auth: optional(auth, "Authentication of clients."),
    query: defaulted(query, "Limits of queries.", {}),
    telemetry: optional(telemetry, "Metrics pushed elsewhere."),
  },
  {
    ...notHere("caching", "results_cache", "dataset_load_parallelism", "tracing", "params", "cors", "flight"),
    ...notHere("mcp", "ready_state", "metrics"),
    ...onCommandLine({
      tls: "`--tls-certificate-file` and `--tls-key-file`",
      shutdown_timeout: "`--shutdown-timeout`",
      output_level: "`--verbose`",
    }),
  },
);
