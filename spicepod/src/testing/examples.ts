/** Spicepods as users write them; every one has the shape of something that is documented. */
export const examples = {
  everyField: `
version: v1
kind: Spicepod
name: sales
metadata: { generation: 7, team: data }
runtime:
  scheduler:
    state_location: "s3://bucket/spice/cluster/"
    params: { region: us-east-1, auth: iam_role }
    partition_assignment_interval: "30s"
    max_partition_assignments_per_interval: 100
    max_partitions_per_executor: 1000
    partition_discovery_timeout: "60s"
    partition_replicas: 1
    executor_lost_after: "15s"
  task_history: { enabled: true, retention_period: 8h, captured_output: none }
  auth: { api_key: { enabled: true, keys: ["\${secrets:API_KEY}", "\${secrets:ADMIN}:rw"] } }
  query: { memory_limit: "4GB", temp_directory: /data/tmp }
  telemetry: { otel_exporter: { enabled: true, endpoint: "http://otel:4317", push_interval: 60s } }
snapshots:
  enabled: true
  location: "s3://bucket/spice/snapshots/"
  bootstrap_on_failure_behavior: fallback
  params: { s3_region: us-east-1, s3_auth: key, s3_key: "\${secrets:KEY}", s3_secret: "\${secrets:SECRET}" }
  compaction: { keep: 5, grace_period: 1h }
secrets: [{ from: env, name: env }, { from: "file:/run/secrets/spice", name: mounted }]
datasets:
  - from: postgres:public.events
    name: events
    params: { pg_host: db, pg_port: 5432, pg_db: app, pg_user: spice, pg_pass: "\${secrets:PG_PASS}", pg_sslmode: require }
    time_column: created_at
    time_format: timestamp
    time_partition_column: day
    time_partition_format: date
    access: read
    replication: { enabled: false }
    acceleration:
      enabled: true
      engine: duckdb
      mode: file
      partition_by: [{ bucket: "bucket(100, customer_id)" }]
      refresh_mode: append
      refresh_check_interval: 10m
      refresh_cron: "0 * * * *"
      refresh_sql: "SELECT * FROM events WHERE region = 'eu'"
      refresh_data_window: 30d
      refresh_append_overlap: 5m
      refresh_on_startup: always
      refresh_retry_enabled: true
      refresh_retry_max_attempts: 5
      refresh_jitter_enabled: true
      refresh_jitter_max: 30s
      retention_period: 90d
      retention_sql: "DELETE FROM events WHERE test"
      retention_check_interval: 1h
      retention_check_enabled: true
      on_zero_results: use_source
      primary_key: (tenant, id)
      indexes: { region: enabled, "(tenant, number)": unique }
      on_conflict: { "(tenant, id)": upsert }
      snapshots: enabled
      snapshots_trigger: time_interval
      snapshots_trigger_threshold: 10m
      snapshots_compaction: enabled
      snapshots_creation_policy: always
      snapshots_reset_expiry_on_load: enabled
      params: { duckdb_file: /data/events.duckdb, duckdb_threads: 4, partition_mode: files }
views:
  - name: daily
    sql: "SELECT region, count(*) AS n FROM events GROUP BY ALL"
    acceleration: { partition_by: [region], refresh_check_interval: 1m }
`,
  smallest: "name: empty\n",
  hashAndColumn: `
datasets:
  - from: postgres:public.events
    name: events
    acceleration:
      enabled: true
      engine: cayenne
      mode: file
      refresh_mode: changes
      partition_by:
        - "bucket(100, customer_id)"
        - { region: "region" }
`,
  schedulerSettings: `
runtime:
  scheduler:
    state_location: "s3://my-bucket/spice/cluster/"
    partition_assignment_interval: "30s"
    max_partition_assignments_per_interval: 100
    max_partitions_per_executor: 1000
    partition_discovery_timeout: "60s"
`,
  writeThrough: `
datasets:
  - from: postgres:public.events
    name: events
    acceleration:
      enabled: true
      engine: cayenne
      partition_by: ["bucket(4, id)"]
      write_mode: write_through
`,
  snapshotSettings: `
datasets:
  - from: s3://lake/sales/
    name: sales
    acceleration:
      engine: cayenne
      partition_by:
        - region: "region"
      snapshots: enabled
      snapshots_trigger: refresh_complete
      snapshots_compaction: enabled
      snapshots_creation_policy: on_change
`,
  olderColumns: `
datasets:
  - from: s3://large-bucket/data/
    name: large_dataset
    acceleration:
      enabled: true
      engine: arrow
      params:
        file_format: parquet
        partition_cols:
          - year
          - month
`,
  olderColumnsOnDataset: `
datasets:
  - from: s3://large-bucket/data/
    name: large_dataset
    params:
      file_format: parquet
      partition_cols:
        - year
        - month
    acceleration:
      enabled: true
      engine: arrow
`,
  engineParameters: `
datasets:
  - from: file:data/orders.parquet
    name: orders
    acceleration:
      enabled: true
      engine: duckdb
      mode: file
      primary_key: order_id
      indexes:
        customer_id: enabled
        "(order_id, line)": unique
      on_conflict:
        order_id: upsert
      partition_by: ["bucket(12, order_id)"]
      params:
        duckdb_file: ./orders.duckdb
        duckdb_threads: 4
`,
} as const;

export type ExampleName = keyof typeof examples;
