import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { seal } from "../commit.ts";
import { parseRoot, printDocument } from "./codec.ts";
import { type ClusterDocument, newDocument } from "./document.ts";
import { PartitionSet } from "./partition-set.ts";
import { PartitionValues } from "./partition-values.ts";
import { decodePartitions, encodePartitions } from "./partitions-object.ts";

const path = "s3://bucket/state/cluster.json";

/** The example of the specification, with a replica, a learner and fields of a later version. */
const example = {
  schema_version: 1,
  cluster_id: "c1",
  revision: 42,
  created_at_ms: 1,
  updated_at_ms: 2,
  app: { generation: 3, sha256: "ab" },
  schedulers: {
    "host:50052": {
      scheduler_id: "host:50052",
      instance_id: "i1",
      advertise_address: "host:50052",
      grpc_address: "host:50051",
      http_address: "host:8090",
      started_at_ms: 0,
      ttl_ms: 30000,
      build_version: "1.0.0",
      labels: { zone: "a" },
      last_write_seq: 17,
      from_the_future: 1,
    },
  },
  executors: {
    "exec-0:50052": { instance_id: "x", state: "active" },
    "exec-1:50052": { instance_id: "y", state: "draining" },
  },
  accelerations: {
    "spice.public.sales": {
      table_name: "spice.public.sales",
      schema_version: 1,
      revision: 40,
      updated_at: 0,
      discovered_at_ms: 0,
      partition_expressions: ["bucket(3, id)", "region"],
      partitions: [
        {
          partition_value: { "bucket(3, id)": "0", region: null },
          assigned_executors: ["exec-0:50052", "exec-1:50052"],
          learners: ["exec-2:50052"],
          epoch: 4,
          last_assigned_at: 9,
          hint: "kept",
        },
        {
          partition_value: { "bucket(3, id)": "1", region: "" },
          assigned_executors: [],
          learners: [],
          epoch: 0,
        },
      ],
    },
  },
  later: { anything: [1, 2] },
};

const bytes = (value: unknown) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const parse = (value: unknown): ClusterDocument =>
  parseRoot(bytes(value), path).complete(() => {
    throw new Error("no references here");
  });

describe("cluster.json", () => {
  test("comes back as it was, with the fields of a later version", () => {
    const document = parse(example);
    const printed = printDocument(document);
    expect(printed.objects).toEqual([]);
    const normal = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;
    expect(normal(JSON.parse(Buffer.from(printed.root).toString()))).toEqual(normal(example));
    const { partitions } = document.accelerations["spice.public.sales"]!;
    const index = partitions.indexOfKey('["0",null]');
    expect(partitions.holders(index)).toEqual(["exec-0:50052", "exec-1:50052"]);
    expect(partitions.learners(index)).toEqual(["exec-2:50052"]);
  });

  test("may list its partitions in any order", () => {
    const table = example.accelerations["spice.public.sales"];
    const { partitions } = table;
    const turned = parse({
      ...example,
      accelerations: { "spice.public.sales": { ...table, partitions: partitions.toReversed() } },
    });
    expect(printDocument(turned)).toEqual(printDocument(parse(example)));
  });

  test("of another schema version is refused", () => {
    for (const found of [2, "2"]) {
      expect(() => parse({ ...example, schema_version: found })).toThrow(
        `Cluster document at ${path} has unsupported schema version 2`,
      );
    }
    expect(() => parse({ schema_version: 7 })).toThrow(`has unsupported schema version 7`);
  });

  test("that is not ours says where to look", () => {
    expect(() => parse({ hello: "world" })).toThrow(
      `The object at ${path} is not a cluster document (no schema_version and cluster_id). Check runtime.scheduler.state_location: it must name a place that only this cluster uses`,
    );
  });

  test.each<[string, unknown, string]>([
    ["cut off", JSON.stringify(example).slice(0, 80), "it is not valid JSON"],
    ["a list", "[]", "it is a list, not an object"],
    ["no executors", { ...example, executors: undefined }, "executors is missing, not an object"],
    [
      "a state",
      { ...example, executors: { e: { instance_id: "x", state: "gone" } } },
      'executors["e"].state is "gone"',
    ],
    ["a revision", { ...example, revision: -1 }, "revision is -1, not a whole number"],
    [
      "a value twice",
      replaced({ partitions: [part("1"), part("1")], partition_expressions: ["x"] }),
      "has the same partition value twice",
    ],
    [
      "another expression",
      replaced({ partitions: [part("1")], partition_expressions: ["y"] }),
      'partition_value["y"] is missing, not a string',
    ],
    ["a name", replaced({ table_name: "other" }), '.table_name is "other"'],
    [
      "a reference",
      replaced({ partitions: undefined, partitions_ref: { sha256: "zz" } }),
      "is not a SHA-256 in hex",
    ],
  ])("that is corrupt (%s) says where and what to do", (_, value, problem) => {
    const call = () => parse(value);
    expect(call).toThrow(problem);
    expect(call).toThrow(/^Cluster document at s3:\/\/bucket\/state\/cluster.json is corrupt: /);
    expect(call).toThrow(/Restore it from a backup or an older object version/);
  });

  test("is sealed with one more revision, for the root and for the tables that changed", () => {
    const base = parse(example);
    const name = "spice.public.sales";
    const writer = { schedulerId: "host:50052", instanceId: "i1", sequence: 18 };
    const untouched = seal(base, { ...base, executors: {} }, writer, 99);
    expect([untouched.revision, untouched.accelerations[name]!.revision]).toEqual([43, 40]);
    expect(untouched.schedulers["host:50052"]!.last_write_seq).toBe(18);
    const table = { ...base.accelerations[name]! };
    const touched = seal(base, { ...base, accelerations: { [name]: table } }, writer, 99);
    expect([touched.accelerations[name]!.revision, touched.accelerations[name]!.updated_at]).toEqual([
      43, 99,
    ]);
    expect(touched.updated_at_ms).toBe(99);
  });
});

function replaced(table: object): object {
  return {
    ...example,
    accelerations: { "spice.public.sales": { ...example.accelerations["spice.public.sales"], ...table } },
  };
}

function part(x: string): object {
  return { partition_value: { x }, assigned_executors: [], learners: [], epoch: 0 };
}

describe("assignment objects", () => {
  const values = PartitionValues.of(2, [
    ...Array.from({ length: 12 }, (_, i) => [String(i % 6), i < 6 ? "eu" : "us"]),
    [null, "ü/="],
  ]);
  function sample(order: readonly number[]): PartitionSet {
    const edit = PartitionSet.fresh(values).edit();
    for (const i of order) edit.assign(i, `exec-${(i * 7) % 4}:50052`, 5, 1_700_000_000_000);
    edit.bumpEpoch(3, 5);
    const set = edit.build();
    return new PartitionSet({
      ...set.columns,
      extras: new Map([[2, { replicas: ["exec-9:50052"], learners: ["exec-8:50052"] }]]),
    });
  }
  const indexes = Array.from({ length: 11 }, (_, i) => i);
  const expressions = ["bucket(6, id)", "region"];

  test("have fixed bytes", () => {
    const { body } = encodePartitions("spice.public.big", 9, expressions, sample(indexes));
    const golden = join(import.meta.dirname, "assignment.golden.json");
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(golden, body);
    expect(Buffer.from(body).toString()).toBe(readFileSync(golden, "utf8"));
  });

  test("do not depend on the history of the set", () => {
    const one = encodePartitions("t", 9, expressions, sample(indexes));
    const two = encodePartitions("t", 9, expressions, sample([...indexes].reverse()));
    expect(two.sha256).toBe(one.sha256);
    expect(encodePartitions("t", 10, expressions, sample(indexes)).sha256).not.toBe(one.sha256);
  });

  test("come back as they were", () => {
    const set = sample(indexes);
    const { body, sha256 } = encodePartitions("t", 9, expressions, set);
    const back = decodePartitions(body, "assignments/x.json", sha256).set;
    expect(back.values.equals(set.values)).toBe(true);
    for (let i = 0; i < set.count; i += 1) {
      expect([back.holders(i), back.learners(i), back.epoch(i), back.lastAssignedAt(i)]).toEqual([
        set.holders(i),
        set.learners(i),
        set.epoch(i),
        set.lastAssignedAt(i),
      ]);
    }
  });

  test("are used above the inline limit, and checked against their name", () => {
    const document: ClusterDocument = {
      ...newDocument("c", 1),
      accelerations: {
        t: {
          table_name: "t",
          schema_version: 1,
          revision: 9,
          updated_at: 0,
          discovered_at_ms: 0,
          partition_expressions: expressions,
          partitions: sample(indexes),
        },
      },
    };
    const { root, objects } = printDocument(document, 5);
    expect(objects).toHaveLength(1);
    const parsed = parseRoot(root, path);
    const ref = parsed.references.get("t")!;
    expect(ref).toEqual({ sha256: objects[0]!.sha256, count: 13, bytes: objects[0]!.body.byteLength });
    const whole = parsed.complete(() => decodePartitions(objects[0]!.body, "x", ref.sha256).set);
    expect(whole.accelerations["t"]!.partitions.count).toBe(13);
    expect(() => decodePartitions(Buffer.from("{}"), "x", ref.sha256)).toThrow(
      /^Assignment object at x is corrupt: it has SHA-256/,
    );
  });
});
