import { describe, expect, test } from "@jest/globals";
import { examples } from "./testing/examples.ts";
import { accelerated, everything, problemsOf, thisVersion } from "./testing/problems.ts";

const key = "partition_by: ['bucket(4, id)']";
const dataset = (from: string, more = "") =>
  `datasets: [{from: '${from}', name: t, acceleration: {${key}}${more}}]`;

const cases: readonly [string, string][] = [
  [accelerated("engine: sqlite", key), "`acceleration.engine: sqlite` of dataset 't'"],
  [accelerated("engine: postgres", key), "`acceleration.engine: postgres` of dataset 't'"],
  [accelerated("engine: cayenne", key), "`acceleration.engine: cayenne` of dataset 't'"],
  [accelerated("refresh_mode: changes", key), "`acceleration.refresh_mode: changes` of dataset 't'"],
  [accelerated("snapshots: enabled", key), "`acceleration.snapshots: enabled` of dataset 't'"],
  [accelerated("snapshots: bootstrap_only", key), "`acceleration.snapshots: bootstrap_only` of dataset 't'"],
  ["snapshots: { location: 's3://b/x/' }", "`snapshots`"],
  ["views: [{name: v, sql: SELECT 1, acceleration: {partition_by: [a]}}]", "`acceleration` of view 'v'"],
  [dataset("postgres:t", ", replication: {enabled: true}"), "`replication.enabled: true` of dataset"],
  ["datasets: [{from: 'postgres:t', name: t}]", "dataset 't' without `acceleration`"],
  [accelerated("enabled: false", key), "dataset 't' without `acceleration`"],
  ["runtime: {auth: {api_key: {keys: [a]}}}", "`runtime.auth.api_key`"],
  ["runtime: {telemetry: {otel_exporter: {endpoint: 'http://x'}}}", "`runtime.telemetry.otel_exporter`"],
  ["runtime: {task_history: {retention_period: 1h}}", "`runtime.task_history`"],
  ["runtime: {scheduler: {partition_replicas: 2}}", "`runtime.scheduler.partition_replicas: 2`"],
  ["runtime: {scheduler: {state_location: 'gs://b/x'}}", "`runtime.scheduler.state_location: gs://b/x`"],
  ...[
    "mysql:t",
    "iceberg:x",
    "delta:x",
    "duckdb:x.db",
    "sqlite:x.db",
    "gs://b/x",
    "abfs://b/x",
    "https://h/x",
  ].map((from): [string, string] => [dataset(from), `\`from: ${from}\` of dataset 't'`]),
];

describe("what this version does not have", () => {
  test.each(cases)("%s", (text, setting) => {
    const problems = problemsOf(text, thisVersion);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(setting);
    expect(problems[0]).toMatch(/ is not available in this version; (use|remove) .+\.$/);
  });

  test("the text on writes comes first where it applies", () => {
    const text = `${accelerated("engine: arrow", key, "write_mode: write_through")}\n    access: read_write`;
    const needed = "Write-through acceleration currently requires the Cayenne accelerator";
    expect(problemsOf(text, thisVersion)).toEqual([
      `datasets[0].acceleration.write_mode: ${needed}`,
      `datasets[0].access: ${needed}`,
    ]);
    const cayenne = problemsOf(accelerated("engine: cayenne", key, "write_mode: write_through"), thisVersion);
    expect(cayenne).toHaveLength(2);
    for (const line of cayenne) expect(line).toContain("is not available in this version");
  });

  test("what is switched off is no problem", () => {
    const text = [
      "runtime: {task_history: {enabled: false}, auth: {api_key: {enabled: false}}}",
      "snapshots: {enabled: false}",
      accelerated("enabled: false", "engine: cayenne", "refresh_mode: changes"),
    ].join("\n");
    expect(problemsOf(text, thisVersion)).toEqual([
      "datasets[0].acceleration: dataset 't' without `acceleration` is not available in this version; use one, with `partition_by`.",
    ]);
  });

  test.each(["schedulerSettings", "olderColumns", "olderColumnsOnDataset", "engineParameters"] as const)(
    "the documented %s works in this version",
    (name) => {
      expect(problemsOf(examples[name], thisVersion)).toEqual([]);
    },
  );

  test.each(["hashAndColumn", "writeThrough", "snapshotSettings"] as const)(
    "the documented %s is refused",
    (name) => {
      const problems = problemsOf(examples[name], thisVersion);
      expect(problems.length).toBeGreaterThan(0);
      for (const line of problems) expect(line).toContain("is not available in this version");
    },
  );

  test("the runtime says which fields it honours; others are errors unless they say what holds anyway", () => {
    const checks = {
      ...everything,
      supportedFields: { acceleration: ["refresh_mode"], dataset: [] },
    } as const;
    const text = `${accelerated(key, "refresh_mode: append", "retention_sql: DELETE FROM t", "on_zero_results: return_empty", "snapshots_compaction: enabled")}
    time_column: x`;
    expect(problemsOf(text, checks)).toEqual([
      "datasets[0].acceleration.retention_sql: `retention_sql` of dataset 't' is not available in this version; remove it.",
      "datasets[0].time_column: `time_column` of dataset 't' is not available in this version; remove it.",
    ]);
  });
});
