import { describe, expect, test } from "@jest/globals";
import { changedPartitioning } from "./assignment/changed-partitioning.ts";
import { backoffMs } from "./backoff.ts";
import { firstCycleDone, maySeed, planCycle } from "./cycle.ts";
import { decideApp, proposeApp } from "./document/app.ts";
import { type ClusterDocument, newDocument, type SchedulerEntry } from "./document/document.ts";
import { PartitionValues } from "./document/partition-values.ts";
import { advise, unsaid } from "./membership/advice.ts";
import { BEAT_INTERVAL_MS } from "./membership/beat-interval.ts";
import { CounterObserver } from "./membership/counter-observer.ts";
import { heartbeatIntervalMs, ReadLease } from "./membership/lease.ts";
import {
  decideHello,
  decideRegistration,
  driverOf,
  reapSchedulers,
  registerExecutor,
  registerScheduler,
} from "./membership/membership.ts";

const scheduler = (id: string, instance: string): SchedulerEntry => ({
  scheduler_id: id,
  instance_id: instance,
  advertise_address: id,
  grpc_address: id,
  http_address: id,
  started_at_ms: 0,
  ttl_ms: 30_000,
  build_version: "0.1.0",
  labels: {},
  last_write_seq: 0,
});
const empty = newDocument("c", 0);

function cluster(executors: number, buckets: number): ClusterDocument {
  let document: ClusterDocument = empty;
  for (let i = 0; i < executors; i += 1) document = registerExecutor(document, `e${i}`, `x${i}`);
  return planCycle(document, cycle(document, buckets)).document;
}

function cycle(document: ClusterDocument, buckets: number) {
  return {
    tables: [
      {
        name: "t",
        expressions: [`bucket(${buckets}, id)`],
        onChangedExpressions: "keep" as const,
        discovery: {
          values: PartitionValues.buckets(buckets, false),
          discoveredAtMs: 1,
          removable: new Map(),
        },
      },
    ],
    complete: true,
    liveExecutors: Object.keys(document.executors),
    seeding: true,
    capped: true,
    settings: { maxPartitionsPerExecutor: 1_000, maxPartitionAssignmentsPerInterval: 100 },
    nowMs: 1,
  };
}

describe("scheduler registration", () => {
  const held = registerScheduler(empty, scheduler("s:1", "old"), undefined);

  test("takes a free id, waits for a silent holder, refuses a living one", () => {
    const observer = new CounterObserver();
    expect(decideRegistration(empty, "s:1", "new", observer, 0).kind).toBe("register");
    expect(decideRegistration(held, "s:1", "old", observer, 0).kind).toBe("register");
    expect(decideRegistration(held, "s:1", "new", observer, 0).kind).toBe("wait");
    observer.see("s:1", "old", 5, 1_000);
    observer.see("s:1", "old", 5, 36_000);
    expect(decideRegistration(held, "s:1", "new", observer, 36_000).kind).toBe("wait");
    expect(decideRegistration(held, "s:1", "new", observer, 36_001)).toEqual({
      kind: "take-over",
      holder: "old",
    });
    observer.see("s:1", "old", 6, 36_002);
    expect(decideRegistration(held, "s:1", "new", observer, 99_000).kind).toBe("refuse");
  });

  test("an observation that was interrupted starts anew", () => {
    const observer = new CounterObserver();
    observer.see("s:1", "old", 5, 0);
    observer.missed("s:1");
    expect(decideRegistration(held, "s:1", "new", observer, 40_000).kind).toBe("wait");
    observer.see("s:1", "old", 5, 40_000);
    observer.reset();
    observer.see("s:1", "old", 5, 80_000);
    expect(decideRegistration(held, "s:1", "new", observer, 80_000).kind).toBe("wait");
  });

  test("replaces and reaps only the very instance that was judged", () => {
    const taken = registerScheduler(held, scheduler("s:1", "new"), "old");
    expect(taken.schedulers["s:1"]!.instance_id).toBe("new");
    expect(registerScheduler(taken, scheduler("s:1", "third"), "old")).toBe(taken);
    expect(reapSchedulers(taken, new Map([["s:1", "old"]]))).toBe(taken);
    expect(reapSchedulers(taken, new Map([["s:1", "new"]])).schedulers).toEqual({});
  });

  test("the lowest live id drives", () => {
    const two = registerScheduler(held, scheduler("a:1", "x"), undefined);
    expect([driverOf(two), driverOf(two, new Set(["a:1"])), driverOf(empty)]).toEqual([
      "a:1",
      "s:1",
      undefined,
    ]);
  });
});

describe("executor registration", () => {
  test("a new instance voids the old one's epochs and ends a drain", () => {
    const seeded = cluster(2, 4);
    const draining = {
      ...seeded,
      executors: { ...seeded.executors, e0: { instance_id: "x0", state: "draining" as const } },
    };
    const next = registerExecutor(draining, "e0", "fresh");
    expect(next.executors["e0"]).toEqual({ instance_id: "fresh", state: "active" });
    const [before, after] = [seeded, next].map((d) => d.accelerations["t"]!.partitions);
    for (let i = 0; i < 4; i += 1) {
      const own = before!.owner(i) === "e0";
      expect(after!.owner(i)).toBe(before!.owner(i));
      expect(after!.epoch(i) - before!.epoch(i)).toBe(own ? 1 : 0);
    }
    expect(registerExecutor(next, "e0", "fresh")).toBe(next);
  });

  test("an older instance that returns is told so", () => {
    const seeded = cluster(1, 1);
    expect(decideHello(seeded, "e0", "x0", true)).toBe("known");
    expect(decideHello(seeded, "e0", "older", true)).toBe("replaced");
    expect(decideHello(seeded, "e0", "newer", false)).toBe("register");
    expect(decideHello(seeded, "e9", "first", false)).toBe("register");
  });
});

describe("the read lease", () => {
  test("runs from the sending of the beat, minus the age of the scheduler's confirmation", () => {
    const lease = new ReadLease(15_000);
    expect(lease.holds(0)).toBe(false);
    lease.confirm({ sentAtMs: 20_000, schedulerAgeMs: 9_000 });
    expect([lease.holds(25_999), lease.holds(26_000)]).toEqual([true, false]);
    lease.confirm({ sentAtMs: 21_000, schedulerAgeMs: 14_000 });
    expect(lease.holds(25_999)).toBe(true);
  });

  test("beats are often enough for short leases", () => {
    expect(heartbeatIntervalMs(30_000, 15_000)).toBe(10_000);
    expect(heartbeatIntervalMs(30_000, 6_000)).toBe(2_500);
    expect(heartbeatIntervalMs(30_000, 2_000)).toBe(500);
    // What one scheduler confirms must not lapse before the executor's next beat brings its next confirmation.
    for (let lostAfterMs = 4_000; lostAfterMs <= 60_000; lostAfterMs += 1_000) {
      expect(heartbeatIntervalMs(30_000, lostAfterMs) + BEAT_INTERVAL_MS + 500).toBeLessThan(lostAfterMs);
    }
  });
});

describe("the spicepod in force", () => {
  const at = (generation: number, sha256: string): ClusterDocument => ({
    ...empty,
    app: { generation, sha256 },
  });

  test("is the next generation of whoever loads another one, and never goes back", () => {
    expect(decideApp(empty, { sha256: "a" })).toEqual({ kind: "propose", generation: 1 });
    expect(decideApp(at(3, "a"), { sha256: "a" })).toEqual({ kind: "current" });
    expect(decideApp(at(3, "a"), { sha256: "b" })).toEqual({ kind: "propose", generation: 4 });
    expect(decideApp(at(3, "a"), { sha256: "b", generation: 9 })).toEqual({ kind: "propose", generation: 9 });
    expect(decideApp(at(3, "a"), { sha256: "b", generation: 2 })).toMatchObject({
      kind: "follow",
      generation: 3,
      reason: "spicepod generation 2 is older than generation 3, which is in force",
    });
    expect(decideApp(at(3, "a"), { sha256: "b", generation: 3 }).kind).toBe("follow");
    expect(proposeApp(at(3, "a"), { sha256: "b", generation: 2 })).toEqual(at(3, "a"));
    expect(proposeApp(at(3, "a"), { sha256: "b" }).app).toEqual({ generation: 4, sha256: "b" });
  });
});

describe("a reconcile cycle", () => {
  test("records, seeds, and then finds nothing to do", () => {
    const seeded = cluster(3, 300);
    expect(seeded.accelerations["t"]!.partitions.unassignedCount()).toBe(0);
    expect(planCycle(seeded, cycle(seeded, 300)).document).toBe(seeded);
    expect(firstCycleDone(seeded, ["t"])).toBe(true);
    expect(firstCycleDone(seeded, ["t", "u"])).toBe(false);
  });

  test("waits with a first seeding until enough executors are there", () => {
    const two = registerExecutor(registerExecutor(empty, "e0", "a"), "e1", "b");
    const { document, result } = planCycle(two, { ...cycle(two, 4), seeding: false });
    expect(result.waiting).toEqual(["t"]);
    expect(document.accelerations["t"]!.partitions.unassignedCount()).toBe(4);
    expect(firstCycleDone(document, ["t"])).toBe(false);
    expect([
      maySeed(0, 9_999, 1),
      maySeed(2, 0, 3),
      maySeed(3, 0, 3),
      maySeed(2, 5_000, 3),
      maySeed(2, 0, undefined),
    ]).toEqual([false, false, true, true, false]);
  });

  test("gives nothing to executors that drain or are not heard", () => {
    const two = registerExecutor(registerExecutor(empty, "e0", "a"), "e1", "b");
    const draining = {
      ...two,
      executors: { ...two.executors, e0: { instance_id: "a", state: "draining" as const } },
    };
    const { document } = planCycle(draining, cycle(draining, 4));
    expect([...document.accelerations["t"]!.partitions.ownedCounts()]).toEqual([["e1", 4]]);
    const deaf = planCycle(two, { ...cycle(two, 4), liveExecutors: ["e0"] }).document;
    expect([...deaf.accelerations["t"]!.partitions.ownedCounts()]).toEqual([["e0", 4]]);
  });

  test("caps what a later cycle assigns", () => {
    const seeded = cluster(2, 10);
    const grown = { ...cycle(seeded, 10) };
    const [table] = grown.tables;
    const more = {
      ...table!,
      discovery: { ...table!.discovery, values: PartitionValues.buckets(500, false) },
    };
    const { document, result } = planCycle(seeded, { ...grown, tables: [more] });
    expect([result.added, result.assigned.get("t")]).toEqual([490, 100]);
    expect(document.accelerations["t"]!.partitions.unassignedCount()).toBe(390);
    const uncapped = planCycle(document, { ...grown, tables: [more], capped: false });
    expect(uncapped.document.accelerations["t"]!.partitions.unassignedCount()).toBe(0);
  });

  test("keeps the layout of a table whose expressions changed, unless it may be rebuilt", () => {
    const seeded = cluster(2, 10);
    const other = cycle(seeded, 7);
    const kept = planCycle(seeded, other);
    expect([kept.document === seeded, kept.result.changedExpressions]).toEqual([true, ["t"]]);
    const tables = other.tables.map((t) => ({ ...t, onChangedExpressions: "rebuild" as const }));
    const rebuilt = planCycle(seeded, { ...other, tables }).document.accelerations["t"]!;
    expect([rebuilt.partitions.count, rebuilt.partitions.unassignedCount()]).toEqual([7, 0]);
    const highest = Math.max(...seeded.accelerations["t"]!.partitions.columns.epochs);
    expect(
      planCycle({ ...seeded, revision: 9 }, { ...other, tables }).document.accelerations[
        "t"
      ]!.partitions.epoch(0),
    ).toBeGreaterThan(highest);
  });

  test("a dataset that comes later lies beside one with as many buckets, and moves nothing", () => {
    const [table] = cycle(empty, 12).tables;
    const named = (name: string, buckets: number) => ({
      ...cycle(empty, buckets).tables[0]!,
      name,
      expressions: [`bucket(${buckets}, ${name}_id)`],
    });
    const first = cluster(3, 12);
    const two = planCycle(first, { ...cycle(first, 12), tables: [table!, named("x", 5)] }).document;
    const more = [table!, named("x", 5), named("same", 12), named("other", 11)];
    const { accelerations } = planCycle(two, { ...cycle(two, 12), tables: more }).document;
    const owners = (name: string) => {
      const { partitions } = accelerations[name]!;
      return Array.from({ length: 11 }, (_, i) => partitions.owner(partitions.indexOfKey(`["${i}"]`)));
    };
    expect([accelerations["t"], accelerations["x"]]).toEqual([
      two.accelerations["t"],
      two.accelerations["x"],
    ]);
    expect(owners("same")).toEqual(owners("t"));
    expect(owners("other")).not.toEqual(owners("t"));
  });

  test("forgets tables that the spicepod no longer has, when it sees all of it", () => {
    const seeded = cluster(2, 10);
    expect(planCycle(seeded, { ...cycle(seeded, 10), tables: [] }).document.accelerations).toEqual({});
    expect(planCycle(seeded, { ...cycle(seeded, 10), tables: [], complete: false }).document).toBe(seeded);
  });
});

describe("advice", () => {
  const codes = (executors: number, buckets: number, rootBytes = 0, maxPerExecutor = 1_000) =>
    advise({ document: cluster(executors, buckets), rootBytes, maxPerExecutor }).map(({ code }) => code);

  test("speaks of layouts that will not do well", () => {
    expect(codes(3, 12)).toEqual([]);
    expect(codes(3, 2)).toEqual(["FewerPartitionsThanExecutors"]);
    expect(codes(2, 65)).toEqual(["TooManyPartitions"]);
    expect(codes(2, 201)).toEqual(["TooManyPartitions", "ManyPartitionsPerExecutor"]);
    expect(codes(3, 12, 0, 7)).toEqual(["NearExecutorCapacity"]);
    expect(codes(3, 12, 1_000_001)).toEqual(["LargeClusterDocument"]);
  });

  test("is said once", () => {
    const said = new Set<string>();
    const advice = advise({ document: cluster(3, 2), rootBytes: 0, maxPerExecutor: 1_000 });
    expect([unsaid(advice, said).length, unsaid(advice, said).length]).toEqual([1, 0]);
  });
});

test("a table with files keeps its partition expressions", () => {
  const changed = (name: string, expression: string, onChangedExpressions: "keep" | "rebuild") =>
    changedPartitioning(cluster(1, 3), [{ name, expressions: [expression], onChangedExpressions }]);
  expect(changed("t", "bucket(3, id)", "keep")).toBeUndefined();
  expect(changed("t", "bucket(4, id)", "rebuild")).toBeUndefined();
  expect(changed("other", "bucket(4, id)", "keep")).toBeUndefined();
  expect(changed("t", "bucket(4, id)", "keep")).toMatch(
    /^t: The 'partition_by' expressions are different from .* Its files have bucket\(3, id\)\.$/,
  );
});

test("back-off follows Fibonacci with jitter", () => {
  const backoff = { baseMs: 100, maxMs: 600 };
  expect([1, 2, 3, 4, 5, 6, 7].map((n) => backoffMs(n, backoff, 0.5))).toEqual([
    100, 100, 200, 300, 500, 600, 600,
  ]);
  expect([backoffMs(1, backoff, 0), backoffMs(1, backoff, 0.999)]).toEqual([50, 149.9]);
});
