import { describe, expect, test } from "@jest/globals";
import { parseSpicepod } from "../parse.ts";
import { accelerated, everything, problemsOf } from "../testing/problems.ts";
import { fileStateWarning } from "./cluster.ts";

const single = { ...everything, mode: "single" } as const;
const key = "partition_by: ['bucket(4, id)']";
const at = "datasets[0].acceleration";

/** Texts that the specification fixes, to the letter: what is written, and where and what is said. */
const exact: readonly [string, string, string][] = [
  [
    "a dataset without a key",
    accelerated("engine: arrow"),
    `${at}.partition_by: Accelerated dataset 't' has no partition keys configured. Add 'partition_by' to its acceleration config to participate in cluster partition assignment.`,
  ],
  [
    "a view without a key",
    "views: [{name: v, sql: SELECT 1, acceleration: {enabled: true}}]",
    "views[0].acceleration.partition_by: Accelerated view 'v' has no partition keys configured. Add 'partition_by' to its acceleration config to participate in cluster partition assignment.",
  ],
  [
    "write-through on another engine",
    accelerated("engine: arrow", key, "write_mode: write_through"),
    `${at}.write_mode: Write-through acceleration currently requires the Cayenne accelerator`,
  ],
  [
    "read_write on another engine",
    `${accelerated("engine: sqlite", "mode: file", key)}\n    access: read_write`,
    "datasets[0].access: Write-through acceleration currently requires the Cayenne accelerator",
  ],
  [
    "several expressions where one is allowed",
    accelerated("engine: duckdb", "mode: file", "partition_by: [a, b]"),
    `${at}.partition_by: A single partition by expression is required for Partitioned DuckDB acceleration`,
  ],
  [
    "a mapping of two",
    accelerated("partition_by: [a, {b: c, d: e}]"),
    `${at}.partition_by[1]: partition_by[1]: named partition must be a single-entry mapping of \`name: expression_string\`, found 2 entries`,
  ],
  [
    "a mapping of none",
    accelerated("partition_by: [{}]"),
    `${at}.partition_by[0]: partition_by[0]: named partition must be a single-entry mapping of \`name: expression_string\`, found 0 entries`,
  ],
  ...["5", "null", "[a]", "{x: y}"].map((value): [string, string, string] => [
    `a named value ${value}`,
    accelerated(`partition_by: [{region: ${value}}]`),
    `${at}.partition_by[0]: partition_by[0]: named partition value for \`region\` must be a string expression`,
  ]),
  ...Object.entries({ null: "null", true: "bool", "1.5": "number", "[a]": "array" }).map(
    ([value, kind]): [string, string, string] => [
      `an item ${value}`,
      accelerated(`partition_by: [${value}]`),
      `${at}.partition_by[0]: partition_by[0]: expected a string expression or a single-entry \`{name: expression}\` mapping, found ${kind}`,
    ],
  ),
];

/** Other texts: what must be in them. */
const others: readonly [string, string, readonly string[]][] = [
  [
    "write_back without replication",
    accelerated("engine: cayenne", key, "write_mode: write_back"),
    [`${at}.write_mode`, "replication.enabled: true"],
  ],
  [
    "write_back with replication",
    `${accelerated("engine: cayenne", key, "write_mode: write_back")}\n    replication: {enabled: true}`,
    [`${at}.write_mode`, "cluster write-back is not available", "`write_through`"],
  ],
  [
    "a state store without conditional writes",
    "runtime: {scheduler: {state_location: 'hdfs://x/y'}}",
    ["runtime.scheduler.state_location", "ETag / If-Match", "S3", "GCS", "Azure Blob", "S3-compatible"],
  ],
  [
    "a path as state store",
    "runtime: {scheduler: {state_location: /var/state}}",
    ["ETag / If-Match", "Did you mean `file:///var/state`?"],
  ],
  ["a relative file store", "runtime: {scheduler: {state_location: 'file://state'}}", ["`file:///`"]],
  [
    "a state store without a bucket",
    "runtime: {scheduler: {state_location: 's3:///x'}}",
    ["`s3://bucket/prefix/`"],
  ],
  [
    "memory on an engine of files",
    accelerated("engine: cayenne", "mode: memory", key),
    [`${at}.mode`, "dataset 't'", "`cayenne`", "`mode: file`"],
  ],
  [
    "partitions in the memory of duckdb",
    accelerated("engine: duckdb", key),
    [`${at}.mode`, "dataset 't'", "`duckdb`", "`mode: file`"],
  ],
  [
    "snapshots on arrow",
    accelerated("snapshots: enabled", key),
    [`${at}.snapshots`, "`arrow`", "dataset 't'", "`snapshots: enabled`", "`duckdb`", "`cayenne`"],
  ],
  [
    "snapshots in memory",
    accelerated("engine: sqlite", "snapshots: enabled", key),
    [`${at}.snapshots`, "`sqlite`", "`mode: file`"],
  ],
  [
    "indexes on cayenne",
    accelerated("engine: cayenne", "indexes: {a: enabled}", key),
    [`${at}.indexes`, "`cayenne`", "`indexes`", "use `duckdb` or `sqlite`"],
  ],
  [
    "upsert on arrow",
    accelerated("on_conflict: {a: upsert}", key),
    [`${at}.on_conflict`, "`arrow`", "`duckdb`"],
  ],
  [
    "a key to append by on an engine without upsert",
    accelerated("refresh_mode: append", "primary_key: a", key),
    [`${at}.primary_key`, "`arrow`", "`primary_key with refresh_mode: append`", "`duckdb`", "remove one of"],
  ],
  [
    "partitions on an engine that has none",
    accelerated("engine: plain", key),
    [`${at}.partition_by`, "`plain`", "does not take `partition_by`;", "`arrow`"],
  ],
  [
    "an unknown engine",
    accelerated("engine: duckbd", key),
    [`${at}.engine`, "Did you mean `duckdb`?", "`arrow`"],
  ],
  [
    "an unknown parameter of the engine",
    accelerated("engine: duckdb", "mode: file", key, "params: {duckdb_thread: 4}"),
    [
      `${at}.params.duckdb_thread`,
      "not a parameter of the engine `duckdb`",
      "Did you mean `duckdb_threads`?",
    ],
  ],
  [
    "a parameter of another engine",
    accelerated("engine: duckdb", "mode: file", key, "params: {cayenne_file_path: x}"),
    [`${at}.params.cayenne_file_path`, "parameter of the engine `cayenne`", "is `duckdb`"],
  ],
  [
    "another engine's parameter without its prefix",
    accelerated("engine: duckdb", "mode: file", key, "params: {hash_index: enabled}"),
    [`${at}.params.hash_index`, "parameter of the engine `arrow`"],
  ],
  [
    "another engine's prefix with an unknown name",
    accelerated("engine: arrow", key, "params: {duckdb_nothing: x}"),
    [`${at}.params.duckdb_nothing`, "parameter of the engine `duckdb`"],
  ],
  [
    "an engine's file of another kind",
    accelerated("engine: duckdb", "mode: file", key, "params: {duckdb_file: x.sqlite}"),
    [`${at}.params.duckdb_file`, "`.db` or `.duckdb`"],
  ],
  [
    "partition_by among the parameters",
    accelerated(key, "params: {partition_by: [a]}"),
    [`${at}.params.partition_by`, "belongs directly under `acceleration`"],
  ],
  [
    "snapshot_url",
    accelerated(key, "params: {snapshot_url: s3://x/y}"),
    [`${at}.params.snapshot_url`, "top-level `snapshots`"],
  ],
  ["partition_by as a string", accelerated("partition_by: region"), ["must be a list", '`["region"]`']],
  ["a bad partition name", accelerated("partition_by: [{a-b: c}]"), ["letters, digits and underscores"]],
  [
    "two partitions of one name",
    accelerated("partition_by: [{expr1: a}, b]"),
    ["partition_by[1]", "`expr1` is taken"],
  ],
  ["an empty expression", accelerated("partition_by: ['']"), ["partition_by[0]: the expression is empty"]],
  [
    "a data window without a time",
    accelerated(key, "refresh_data_window: 1d"),
    ["refresh_data_window", "`time_column`"],
  ],
  [
    "a retention without a time",
    accelerated(key, "retention_period: 1d"),
    ["retention_period", "`time_column`"],
  ],
  [
    "an overlap without append",
    `${accelerated(key, "refresh_append_overlap: 1d")}\n    time_column: x`,
    ["append"],
  ],
  [
    "append from a database without a time",
    accelerated(key, "refresh_mode: append").replace("file:t.parquet", "postgres:t"),
    [`${at}.refresh_mode`, "`time_column`"],
  ],
  [
    "append of a view",
    "views: [{name: v, sql: SELECT 1, acceleration: {partition_by: [a], refresh_mode: append}}]",
    ["views[0].acceleration.refresh_mode", "must be `full`"],
  ],
  [
    "a threshold that is missing",
    accelerated(key, "snapshots_trigger: time_interval"),
    ["threshold", "required"],
  ],
  [
    "a stream trigger without a stream",
    accelerated(
      "engine: cayenne",
      key,
      "snapshots: enabled",
      "snapshots_trigger: stream_batches",
      "snapshots_trigger_threshold: 1000",
    ),
    ["snapshots_trigger", "refresh_mode: changes"],
  ],
  [
    "a name twice",
    "views: [{name: a, sql: SELECT 1}, {name: Public.A, sql: SELECT 2}]",
    ["views[1].name", "view 'a'"],
  ],
  ["a reserved schema", "views: [{name: runtime.x, sql: SELECT 1}]", ["views[0].name", "`runtime`"]],
  ["a generation that is no number", "metadata: {generation: next}", ["metadata.generation"]],
  [
    "half a key",
    "runtime: {scheduler: {state_location: 's3://b/x', params: {auth: key, key: a}}}",
    ["runtime.scheduler.params.secret", "is missing"],
  ],
  [
    "an unknown store parameter",
    "runtime: {scheduler: {state_location: 's3://b/x', params: {regoin: a}}}",
    ["runtime.scheduler.params.regoin", "Did you mean `region`?"],
  ],
  [
    "an older form",
    "runtime: {scheduler: {partition_management: {}}}",
    ["directly under `runtime.scheduler`"],
  ],
  ["a flag as a field", "runtime: {tls: {}}", ["`--tls-certificate-file`"]],
  [
    "a field one level too high",
    "datasets: [{from: 'file:a', name: a, engine: duckdb}]",
    ["`acceleration.engine`"],
  ],
  ["a field one level too low", accelerated(key, "time_column: x"), ["belongs to the dataset"]],
];

describe("texts of the checks at start", () => {
  test.each(exact)("%s", (_, text, line) => {
    expect(problemsOf(text, everything)).toEqual([line]);
  });

  test.each(others)("%s", (_, text, parts) => {
    const problems = problemsOf(text, everything);
    expect(problems).toHaveLength(1);
    for (const part of parts) expect(problems[0]).toContain(part);
  });

  test.each([
    "models",
    "embeddings",
    "catalogs",
    "tools",
    "evals",
    "extensions",
    "dependencies",
    "functions",
    "workers",
  ])("the section %s is refused by its name", (name) => {
    expect(problemsOf(`${name}: []`)).toEqual([
      `${name}: The section \`${name}\` is not supported: this product accelerates datasets and views and has no \`${name}\`.`,
    ]);
  });

  test("a single partition by expression has its code", () => {
    const text = accelerated("engine: duckdb", "mode: file", "partition_by: [a, b]");
    const { problems } = parseSpicepod(text, { checks: everything });
    expect(problems?.[0]?.code).toBe("PartitionByRequired");
  });

  test("on a single node no key is needed, and some engines take none", () => {
    expect(problemsOf(accelerated("engine: arrow"), single)).toEqual([]);
    const [problem] = problemsOf(accelerated("engine: sqlite", "mode: file", key), single);
    expect(problem).toContain("does not take `partition_by` outside a cluster");
    expect(problemsOf(accelerated("engine: sqlite", "mode: file", key), everything)).toEqual([]);
  });

  test("append on an engine that cannot", () => {
    expect(problemsOf(accelerated("engine: plain", "refresh_mode: append"), single)).toEqual([
      `${at}.refresh_mode: The engine \`plain\` of dataset 't' does not support \`refresh_mode: append\`; use \`arrow\`, \`duckdb\`, \`sqlite\` or \`cayenne\`, or \`refresh_mode: full\`.`,
    ]);
  });

  test("an acceleration that is off is not checked against its engine", () => {
    expect(problemsOf(accelerated("enabled: false", "engine: cayenne", "mode: memory"), everything)).toEqual(
      [],
    );
  });

  test("state in files is a warning, as is a threshold without effect", () => {
    const warnings = (text: string) =>
      parseSpicepod(text, { checks: everything }).warnings.map(({ path, message }) => `${path}: ${message}`);
    const state = "runtime.scheduler.state_location";
    expect(warnings("runtime: {scheduler: {state_location: 'file:///var/x'}}")).toEqual([
      `${state}: ${fileStateWarning}`,
    ]);
    expect(warnings("name: x")).toEqual([`${state}: ${fileStateWarning}`]);
    expect(warnings("runtime: {scheduler: {state_location: 's3://b/x'}}")).toEqual([]);
    expect(warnings(accelerated(key, "snapshots_trigger_threshold: 5")).join()).toContain("has no effect");
    expect(warnings(accelerated(key, "retention_sql: DELETE FROM t")).join()).toContain(
      "retention_check_enabled",
    );
  });
});
