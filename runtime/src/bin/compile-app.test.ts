import { expect, test } from "@jest/globals";
import { SpicepodError } from "@spice-shards/spicepod";
import { builtInAccelerators } from "../adapters/engine/registry.ts";
import { compileApp } from "./compile-app.ts";

const compile = (text: string) =>
  compileApp(text, {
    file: "spicepod.yaml",
    mode: "cluster",
    registry: builtInAccelerators(),
    warn: () => {},
  });

const dataset = (name: string, partitionBy: string, more = "") => `
  - from: file:/data/${name}.parquet
    name: ${name}
    acceleration:
      engine: arrow
      partition_by: ${partitionBy}${more}`;

const spicepod = (...datasets: string[]) =>
  `version: v1\nkind: Spicepod\nname: app\nruntime: { scheduler: { state_location: s3://b/c/ } }\ndatasets:${datasets.join("")}\n`;

test("partition expressions that cannot be one are reported with everything else, in the file's order", () => {
  const text = spicepod(
    dataset("a", `["id AS k", {day: "now()"}]`),
    dataset("b", "[]"),
    dataset("c", `[region]`, "\n      refresh_mode: sometimes"),
    dataset("d", `["sum(x)"]`),
    dataset("e", `["bucket(0, id)", "bucket(1000001, id)", "buckt(3, id)", "a + b", "truncate(-1, id)"]`),
    dataset("f", `["bucket(9, name)", "truncate(2, name)", "date_trunc('day', at)", "lower(name)"]`),
  );
  let problems: readonly { readonly path: string; readonly line: number; readonly message: string }[] = [];
  try {
    compile(text);
  } catch (error) {
    expect(error).toBeInstanceOf(SpicepodError);
    problems = (error as SpicepodError).problems;
  }
  expect(problems.map(({ path, line }) => `${line} ${path}`)).toEqual([
    "10 datasets[0].acceleration.partition_by[0]",
    "10 datasets[0].acceleration.partition_by[1]",
    "15 datasets[1].acceleration.partition_by",
    "21 datasets[2].acceleration.refresh_mode",
    "26 datasets[3].acceleration.partition_by[0]",
    ...[0, 1, 2, 3, 4].map((i) => `31 datasets[4].acceleration.partition_by[${i}]`),
  ]);
  expect(problems.slice(5).map(({ message }) => message)).toEqual([
    "Invalid number of buckets: 0. Must be a positive integer less than 1000000.",
    "Invalid number of buckets: 1000001. Must be a positive integer less than 1000000.",
    "Invalid expression: Unsupported expression buckt(3, id) (the function buckt is not available in partition_by)",
    "Expression a + b does not meet the criteria: Expression references 2 columns, expected exactly 1",
    "Invalid width value: '-1'. Must be a positive integer less than or equal to 4611686018427387903",
  ]);
  expect(problems[0]?.message).toMatch(/alias/i);
});

test("expressions that are one name the tables' partitions in their canonical print", () => {
  const app = compile(spicepod(dataset("a", `["BUCKET(4, Id)", "date_trunc('day', ts)"]`)));
  expect(app.tables[0]?.partitionBy).toEqual(["bucket(4, id)", "date_trunc('day', ts)"]);
});
