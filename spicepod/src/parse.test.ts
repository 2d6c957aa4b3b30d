import { describe, expect, test } from "@jest/globals";
import { parse as parseYaml, stringify } from "yaml";
import { generationOf } from "./model.ts";
import { parseSpicepod } from "./parse.ts";
import { SpicepodError } from "./problem.ts";
import { type ExampleName, examples } from "./testing/examples.ts";
import { everything, problemsOf, thisVersion } from "./testing/problems.ts";

function parsed(name: ExampleName) {
  const result = parseSpicepod(examples[name], { checks: everything });
  if (result.problems !== undefined) throw new SpicepodError(result.problems);
  return result.spicepod;
}

describe("what a spicepod reads as", () => {
  test.each(Object.keys(examples) as ExampleName[])("%s is right when everything is there", (name) => {
    expect(problemsOf(examples[name], everything)).toEqual([]);
  });

  test("every field of the specification", () => {
    const { datasets, views, runtime, snapshots, secrets, metadata } = parsed("everyField");
    expect(runtime.scheduler).toEqual({
      stateLocation: "s3://bucket/spice/cluster/",
      params: { region: "us-east-1", auth: "iam_role" },
      partitionAssignmentInterval: 30_000,
      maxPartitionAssignmentsPerInterval: 100,
      maxPartitionsPerExecutor: 1000,
      maxPartitionMoveBytes: 16 * 2 ** 30,
      partitionDiscoveryTimeout: 60_000,
      partitionReplicas: 1,
      executorLostAfter: 15_000,
    });
    expect(runtime.query).toEqual({ memoryLimit: 4_000_000_000, tempDirectory: "/data/tmp" });
    expect(runtime.taskHistory?.retentionPeriod).toBe(8 * 3_600_000);
    expect(snapshots?.compaction).toEqual({ keep: 5, gracePeriod: 3_600_000 });
    expect(secrets.map(({ from }) => from)).toEqual(["env", "file:/run/secrets/spice"]);
    expect(generationOf({ metadata })).toBe(7);
    expect(datasets[0]).toMatchObject({
      path: "datasets[0]",
      name: "events",
      fullName: "spice.public.events",
      source: { kind: "postgres", schema: "public", table: "events" },
      timeColumn: "created_at",
      timePartitionFormat: "date",
      params: { pg_port: "5432" },
    });
    expect(datasets[0]?.acceleration).toEqual({
      enabled: true,
      engine: "duckdb",
      mode: "file",
      partitionBy: [{ name: "bucket", expression: "bucket(100, customer_id)" }],
      refreshMode: "append",
      refreshCheckInterval: 600_000,
      refreshCron: "0 * * * *",
      refreshSql: "SELECT * FROM events WHERE region = 'eu'",
      refreshDataWindow: 30 * 86_400_000,
      refreshAppendOverlap: 300_000,
      refreshOnStartup: "always",
      refreshRetryEnabled: true,
      refreshRetryMaxAttempts: 5,
      refreshJitterEnabled: true,
      refreshJitterMax: 30_000,
      retentionPeriod: 90 * 86_400_000,
      retentionSql: "DELETE FROM events WHERE test",
      retentionCheckInterval: 3_600_000,
      retentionCheckEnabled: true,
      onZeroResults: "use_source",
      primaryKey: ["tenant", "id"],
      indexes: [
        { columns: ["region"], rule: "enabled" },
        { columns: ["tenant", "number"], rule: "unique" },
      ],
      onConflict: [{ columns: ["tenant", "id"], rule: "upsert" }],
      writeMode: "write_through",
      snapshots: "enabled",
      snapshotsTrigger: { kind: "time_interval", intervalMs: 600_000 },
      snapshotsCompaction: "enabled",
      snapshotsCreationPolicy: "always",
      snapshotsResetExpiryOnLoad: "enabled",
      params: { duckdb_file: "/data/events.duckdb", duckdb_threads: "4", partition_mode: "files" },
    });
    expect(views[0]).toMatchObject({ name: "daily", acceleration: { refreshCheckInterval: 60_000 } });
  });

  test("every default", () => {
    const { spicepod } = parseSpicepod(
      "runtime: {scheduler: {}}\ndatasets: [{from: 'file:a.csv', name: a, acceleration: {}}]",
    );
    expect(spicepod?.secrets).toEqual([{ from: "env", name: "env" }]);
    expect(spicepod?.runtime.scheduler).toEqual({
      stateLocation: undefined,
      params: {},
      partitionAssignmentInterval: 30_000,
      maxPartitionAssignmentsPerInterval: 100,
      maxPartitionsPerExecutor: 1000,
      maxPartitionMoveBytes: 16 * 2 ** 30,
      partitionDiscoveryTimeout: 60_000,
      partitionReplicas: 1,
      executorLostAfter: 15_000,
    });
    expect(spicepod?.datasets[0]).toMatchObject({ access: "read", timeFormat: "timestamp", params: {} });
    expect(spicepod?.datasets[0]?.acceleration).toMatchObject({
      enabled: true,
      engine: "arrow",
      mode: "memory",
      partitionBy: [],
      refreshMode: "full",
      refreshOnStartup: "auto",
      refreshRetryEnabled: true,
      refreshJitterEnabled: false,
      onZeroResults: "return_empty",
      indexes: [],
      onConflict: [],
      writeMode: "write_through",
      snapshots: "disabled",
      snapshotsTrigger: { kind: "refresh_complete" },
    });
  });

  test("partition keys are named by position, or by the file", () => {
    expect(parsed("hashAndColumn").datasets[0]?.acceleration?.partitionBy).toEqual([
      { name: "expr0", expression: "bucket(100, customer_id)" },
      { name: "region", expression: "region" },
    ]);
  });

  test("the engine decides the mode that is not given", () => {
    expect(parsed("writeThrough").datasets[0]?.acceleration?.mode).toBe("file");
    expect(parsed("olderColumns").datasets[0]?.acceleration?.mode).toBe("memory");
  });

  test.each(["olderColumns", "olderColumnsOnDataset"] as const)(
    "%s reads as partition_by with Hive folders",
    (name) => {
      const [dataset] = parsed(name).datasets;
      expect(dataset?.params).toEqual({ file_format: "parquet", hive_partitioning: "true" });
      expect(dataset?.acceleration?.params).toEqual({});
      expect(dataset?.acceleration?.partitionBy).toEqual([
        { name: "expr0", expression: "year" },
        { name: "expr1", expression: "month" },
      ]);
    },
  );

  test("parameters keep numbers as they were written", () => {
    const text =
      "datasets: [{from: 'postgres:t', name: t, params: {pg_user: 007, pg_pass: 1e5, pg_port: 5432}}]";
    expect(parseSpicepod(text).spicepod?.datasets[0]?.params).toEqual({
      pg_user: "007",
      pg_pass: "1e5",
      pg_port: "5432",
    });
  });

  test("a model is plain data: written as JSON and as YAML and read again, the file gives the same model", () => {
    const first = parseSpicepod(examples.everyField).spicepod;
    const plain = JSON.parse(JSON.stringify(first));
    expect(plain.datasets[0].acceleration.partitionBy).toEqual(first?.datasets[0]?.acceleration?.partitionBy);
    const text = examples.everyField;
    const again = stringify(parseYaml(text));
    expect(parseSpicepod(again).spicepod).toEqual(first);
    expect(parseSpicepod(JSON.stringify(parseYaml(text))).spicepod).toEqual(first);
  });

  test("anchors, aliases and merge keys work", () => {
    const text = [
      "datasets:",
      "  - &first { from: 'file:a.csv', name: a, acceleration: &fast { engine: arrow, partition_by: [x] } }",
      "  - { <<: *first, name: b }",
      "  - { from: 'file:c.csv', name: c, acceleration: { <<: *fast, refresh_check_interval: 10s } }",
    ].join("\n");
    const datasets = parseSpicepod(text, { checks: thisVersion }).spicepod?.datasets;
    expect(datasets?.map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect(datasets?.[1]?.source.text).toBe("file:a.csv");
    expect(datasets?.[2]?.acceleration).toMatchObject({ engine: "arrow", refreshCheckInterval: 10_000 });
  });
});

describe("what is wrong with a file", () => {
  test("all problems come together, in the file's order, with line, path, value and suggestion", () => {
    const text = `name: x
modles: []
datasets:
  - from: s3://bucket/a/
    name: a
    acceleration:
      refresh_mode: appendd
      refresh_check_interval: 10
      partition_by: [{a: b, c: d}]
  - from: postgres:t
    acceleration:
      enabeld: true
`;
    const { problems } = parseSpicepod(text, { checks: thisVersion });
    expect(problems?.map(({ column, ...rest }) => rest)).toEqual([
      { path: "modles", line: 2, message: "unknown field `modles`.", suggestion: undefined },
      {
        path: "datasets[0].acceleration.refresh_mode",
        line: 7,
        message: "must be one of `full`, `append`, `changes`.",
        value: '"appendd"',
        suggestion: "append",
      },
      {
        path: "datasets[0].acceleration.refresh_check_interval",
        line: 8,
        message: "must be a duration such as `500ms`, `10s`, `5m`, `2h`, `1d` or `1h30m`.",
        value: "10",
        suggestion: "10s",
      },
      {
        path: "datasets[0].acceleration.partition_by[0]",
        line: 9,
        message:
          "partition_by[0]: named partition must be a single-entry mapping of `name: expression_string`, found 2 entries",
      },
      { path: "datasets[1].name", line: 10, message: "is missing." },
      {
        path: "datasets[1].acceleration.partition_by",
        line: 11,
        message:
          "Accelerated dataset 'datasets[1]' has no partition keys configured. Add 'partition_by' to its acceleration config to participate in cluster partition assignment.",
      },
      {
        path: "datasets[1].acceleration.enabeld",
        line: 12,
        message: "unknown field `enabeld`.",
        value: "true",
        suggestion: "enabled",
      },
    ]);
  });

  test.each([
    ["", "The spicepod is empty."],
    ["# nothing\n", "The spicepod is empty."],
    ["- a", "must be a mapping, found array."],
    ["a: [", "This is not valid YAML"],
    ["name: a\nname: b", "This is not valid YAML: Map keys must be unique"],
    ["a: 1\n---\nb: 2", "This file has several YAML documents (`---`); a spicepod is one."],
    ["metadata: &a [*a]", "An alias of this file refers to itself."],
    ["name: *nobody", "An alias of this file names no anchor before it."],
    ["<<: 5", "A merge key (`<<`) of this file does not name a mapping."],
  ])("%j", (text, message) => {
    expect(problemsOf(text)[0]).toContain(message);
  });

  test("a small file that expands to a huge one is refused quickly", () => {
    const levels = Array.from({ length: 30 }, (_, i) => `  a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`);
    const text = ["metadata:", "  a0: &a0 [x]", ...levels].join("\n");
    const started = performance.now();
    expect(problemsOf(text)).toEqual(["The aliases of this file expand to too much or too deep."]);
    expect(performance.now() - started).toBeLessThan(3000);
  });

  test("a SpicepodError says everything, a line each", () => {
    const { problems = [] } = parseSpicepod("kind: Pod\nmodles: 1");
    const error = new SpicepodError(problems, "app/spicepod.yaml");
    expect(error.message).toBe(
      [
        "The spicepod has 2 problems:",
        '  app/spicepod.yaml:1: kind: must be `Spicepod`. Found: "Pod".',
        "  app/spicepod.yaml:2: modles: unknown field `modles`. Found: 1.",
      ].join("\n"),
    );
  });
});
