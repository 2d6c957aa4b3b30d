/**
 * What this version does not have yet. A later version deletes its lines here; nothing else knows this list.
 */
export interface UnavailableSetting {
  /** The field, with `[]` for any position in a list. */
  readonly at: string;
  /**
   * Which settings count: certain values, a URL or source of certain schemes, numbers above one, `enabled`, a section
   * that is there and not switched off, or `off`, one of a dataset that is not there or switched off.
   */
  readonly when:
    | { readonly values: readonly (string | boolean)[] }
    | { readonly schemes: readonly string[] }
    | { readonly above: number }
    | "enabled"
    | "off";
  /** What to do instead; completes "… is not available in this version; …". */
  readonly alternative: string;
}

const useEngines = "use `duckdb` with `mode: file`, or `arrow`.";
const noSnapshots = "remove it: partitions are loaded from the source again.";
const useSources = "use `postgres:`, `s3://` or `file:`.";
const useS3 = "use `s3://` (any S3-compatible store), or `file://` on one host.";
const onlyRead = "remove it: datasets are read-only.";

export const unavailable: readonly UnavailableSetting[] = [
  { at: "datasets[].acceleration", when: "off", alternative: "use one, with `partition_by`." },
  {
    at: "datasets[].acceleration.engine",
    when: { values: ["sqlite", "postgres", "cayenne"] },
    alternative: useEngines,
  },
  {
    at: "views[].acceleration",
    when: "enabled",
    alternative: "remove `acceleration`: the view is expanded in queries.",
  },
  {
    at: "datasets[].acceleration.refresh_mode",
    when: { values: ["changes"] },
    alternative: "use `append` or `full` with a `refresh_check_interval`.",
  },
  {
    at: "datasets[].acceleration.snapshots",
    when: { values: ["enabled", "bootstrap_only", "create_only"] },
    alternative: noSnapshots,
  },
  { at: "snapshots", when: "enabled", alternative: noSnapshots },
  { at: "datasets[].access", when: { values: ["read_write"] }, alternative: onlyRead },
  { at: "datasets[].acceleration.write_mode", when: { values: ["write_through"] }, alternative: onlyRead },
  { at: "datasets[].replication.enabled", when: { values: [true] }, alternative: onlyRead },
  {
    at: "datasets[].from",
    when: { schemes: ["mysql", "iceberg", "delta", "duckdb", "sqlite"] },
    alternative: useSources,
  },
  {
    at: "datasets[].from",
    when: { schemes: ["gs", "abfs", "abfss", "http", "https"] },
    alternative: useSources,
  },
  {
    at: "runtime.scheduler.state_location",
    when: { schemes: ["gs", "abfs", "abfss"] },
    alternative: useS3,
  },
  {
    at: "runtime.scheduler.partition_replicas",
    when: { above: 1 },
    alternative: "use `1`: each partition has one holder.",
  },
  {
    at: "runtime.auth.api_key",
    when: "enabled",
    alternative: "remove it and keep the ports within a trusted network.",
  },
  {
    at: "runtime.telemetry.otel_exporter",
    when: "enabled",
    alternative: "remove it and scrape `/metrics` (`--metrics`).",
  },
  { at: "runtime.task_history", when: "enabled", alternative: "remove it, or set `enabled: false`." },
];
