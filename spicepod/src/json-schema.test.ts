import { describe, expect, test } from "@jest/globals";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { parse as parseYaml } from "yaml";
import { accelerationSection } from "./fields/acceleration.ts";
import { spicepodJsonSchema } from "./json-schema.ts";
import { type ExampleName, examples } from "./testing/examples.ts";
import { accelerated, everything, problemsOf } from "./testing/problems.ts";

const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(spicepodJsonSchema());

describe("the JSON Schema", () => {
  test.each(Object.keys(examples) as ExampleName[])("takes the example %s", (name) => {
    validate(parseYaml(examples[name]));
    expect(validate.errors ?? []).toEqual([]);
  });

  test.each([
    accelerated("refresh_mode: appendd"),
    accelerated("refresh_check_interval: 10"),
    accelerated("refresh_check_interval: 10 s"),
    accelerated("enabled: 'yes'"),
    accelerated("refresh_mod: append"),
    accelerated("partition_by: region"),
    accelerated("partition_by: [{a: b, c: d}]"),
    accelerated("partition_by: [{a: 1}]"),
    accelerated("partition_by: [{a-b: c}]"),
    accelerated("params: {partition_by: [a]}"),
    accelerated("params: {snapshot_url: x}"),
    accelerated("params: {duckdb_file: [x]}"),
    accelerated("indexes: {a: yes}"),
    accelerated("refresh_retry_max_attempts: 0"),
    "models: []",
    "name: 5",
    "kind: Pod",
    "datasets: [{from: 'file:a'}]",
    "datasets: [{from: 'kafka:a', name: a}]",
    "datasets: [{from: 'file:a', name: a-b}]",
    "runtime: {scheduler: {max_partitions_per_executor: 0}}",
    "runtime: {scheduler: {max_partition_move_bytes: 1000}}",
    "runtime: {query: {memory_limit: 4Gi}}",
    "secrets: [{from: vault, name: x}]",
  ])("and the parser refuse both %j", (text) => {
    expect(problemsOf(text).length).toBeGreaterThan(0);
    expect(validate(parseYaml(text))).toBe(false);
  });

  test("describes every field, with its default", () => {
    const described = JSON.stringify(spicepodJsonSchema());
    for (const [name, { doc, written }] of Object.entries(accelerationSection.fields)) {
      expect(described).toContain(`"${name}":`);
      expect(described).toContain(JSON.stringify(doc));
      if (written !== undefined) expect(described).toContain(`"default":${JSON.stringify(written)}`);
    }
  });

  test("whatever is put in the place of whatever field: it is reported or it fits the schema, and nothing throws", () => {
    const whole: unknown = parseYaml(examples.everyField);
    const places = [...pathsOf(whole)];
    let accepted = 0;
    fc.assert(
      fc.property(fc.constantFrom(...places), replacement, (place, value) => {
        const changed = replaceAt(whole, place, value);
        problemsOf(JSON.stringify(changed), everything);
        if (problemsOf(JSON.stringify(changed)).length > 0) return;
        accepted++;
        validate(changed);
        expect(validate.errors ?? []).toEqual([]);
      }),
      { numRuns: 600 },
    );
    expect(accepted).toBeGreaterThan(20);
  });
});

const replacement: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    "",
    "10s",
    "4GiB",
    "enabled",
    "full",
    "a",
    "(a, b)",
    [],
    {},
    ["a"],
    [{ a: "b" }],
  ),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string(),
  fc.jsonValue({ maxDepth: 2 }),
);

type Path = readonly (string | number)[];

function* pathsOf(data: unknown, path: Path = []): Generator<Path> {
  yield path;
  if (Array.isArray(data)) for (const [i, item] of data.entries()) yield* pathsOf(item, [...path, i]);
  else if (typeof data === "object" && data !== null) {
    for (const [name, item] of Object.entries(data)) yield* pathsOf(item, [...path, name]);
  }
}

function replaceAt(data: unknown, [first, ...rest]: Path, value: unknown): unknown {
  if (first === undefined) return value;
  if (Array.isArray(data)) return data.map((item, i) => (i === first ? replaceAt(item, rest, value) : item));
  const fields = Object.entries(data as Record<string, unknown>);
  return Object.fromEntries(
    fields.map(([name, item]) => [name, name === first ? replaceAt(item, rest, value) : item]),
  );
}
