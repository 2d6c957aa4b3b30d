import { columnMap, columns, durationOrCount, parametersWithColumns } from "../field/collection.ts";
import { defaulted, optional } from "../field/field.ts";
import { partitionBy } from "../field/partition-by.ts";
import { bool, duration, integer, oneOf, text } from "../field/scalar.ts";
import { section } from "../field/section.ts";
import { notHere, onDataset } from "./refused.ts";

const onOff = oneOf("disabled", "enabled");

/** `acceleration` of a dataset or view (spec chapters 02, 03 and 06). */
export const accelerationSection = section(
  {
    enabled: defaulted(bool(), "Whether a local copy is kept at all.", true),
    engine: defaulted(
      text("the name of an engine", {
        regex: "^[a-z][a-z0-9_-]*$",
        rule: "must be the name of an engine: lower-case letters, digits, `_` and `-`.",
      }),
      "The engine that keeps the copy: a built-in one (`arrow`, `duckdb`, `sqlite`, `postgres`, `cayenne`) or a registered accelerator.",
      "arrow",
    ),
    mode: optional(
      oneOf("memory", "file"),
      "Where the copy lives. Without it the engine's own default: `memory`, for `cayenne` `file`.",
    ),
    partition_by: defaulted(
      partitionBy(),
      "Expressions that split the rows into partitions, leftmost first; each a string or a single `name: expression`.",
      [],
    ),
    refresh_mode: defaulted(
      oneOf("full", "append", "changes"),
      "How the copy follows the source: re-read it, add new rows, or follow its change stream.",
      "full",
    ),
    refresh_check_interval: optional(
      duration("wait"),
      "How often the source is read. Without it: once at start.",
    ),
    refresh_cron: optional(text("a cron expression"), "When the source is read, as a cron expression."),
    refresh_sql: optional(text("a SELECT"), "A SELECT over the dataset that narrows what is kept."),
    refresh_data_window: optional(
      duration(),
      "Only rows whose `time_column` lies within this time before now are read.",
    ),
    refresh_append_overlap: optional(
      duration(),
      "How far before the newest known row `append` starts to read, for rows that arrive late.",
    ),
    refresh_on_startup: defaulted(
      oneOf("auto", "always"),
      "Whether a copy that is there already is refreshed at start: when it is due, or always.",
      "auto",
    ),
    refresh_retry_enabled: defaulted(bool(), "Whether a failed refresh is tried again.", true),
    refresh_retry_max_attempts: optional(integer(1), "How often at most. Without it: without limit."),
    refresh_jitter_enabled: defaulted(bool(), "Whether refreshes are spread at random.", false),
    refresh_jitter_max: optional(
      duration("wait"),
      "By how much at most. Without it: 10 % of the refresh interval.",
    ),
    retention_period: optional(
      duration(),
      "Rows whose `time_column` is older than this are removed from the copy.",
    ),
    retention_sql: optional(text("a DELETE statement"), "A DELETE that removes rows from the copy."),
    retention_check_interval: optional(duration("wait"), "How often retention runs."),
    retention_check_enabled: defaulted(bool(), "Whether retention runs.", false),
    on_zero_results: defaulted(
      oneOf("return_empty", "use_source"),
      "What a query that finds nothing in the copy does: answer with nothing, or ask the source.",
      "return_empty",
    ),
    primary_key: optional(columns(), "The primary key: `id`, or several columns as `(a, b)`."),
    indexes: defaulted(
      columnMap(oneOf("enabled", "unique")),
      "Indexes: a map from column(s) to `enabled` or `unique`.",
      {},
    ),
    on_conflict: defaulted(
      columnMap(oneOf("drop", "upsert")),
      "What happens with a row whose key is there already: a map from column(s) to `drop` or `upsert`.",
      {},
    ),
    write_mode: defaulted(
      oneOf("write_through", "write_back"),
      "Whether a write is acknowledged by the source or by the copy.",
      "write_through",
    ),
    snapshots: defaulted(
      oneOf("disabled", "enabled", "bootstrap_only", "create_only"),
      "Whether the copy is started from snapshots and written to them.",
      "disabled",
    ),
    snapshots_trigger: defaulted(
      oneOf("refresh_complete", "time_interval", "stream_batches"),
      "When a snapshot is written.",
      "refresh_complete",
    ),
    snapshots_trigger_threshold: optional(
      durationOrCount(),
      "A duration for `time_interval`, a count of batches for `stream_batches`.",
    ),
    snapshots_compaction: defaulted(onOff, "Whether old snapshots are removed.", "disabled"),
    snapshots_creation_policy: defaulted(
      oneOf("on_change", "always"),
      "Whether an unchanged partition is written again.",
      "on_change",
    ),
    snapshots_reset_expiry_on_load: defaulted(
      onOff,
      "Whether rows that come from a snapshot count as arriving when it is loaded.",
      "disabled",
    ),
    params: optional(parametersWithColumns(), "Parameters of the engine, e.g. `duckdb_file`."),
  },
  {
    ...onDataset("time_column", "time_format", "time_partition_column", "time_partition_format", "access"),
    ...onDataset("replication"),
    ...notHere("maintained_aggregates", "storage_profile", "metrics", "ready_state"),
  },
);
