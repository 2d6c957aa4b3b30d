import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { ClusterDocument } from "../document/document.ts";
import { drainStatus } from "./drain-status.ts";
import { cluster, owners, type TestCluster } from "./testing/cluster.ts";

const tables = fc.array(fc.integer({ min: 1, max: 24 }), { minLength: 1, maxLength: 4 });
const size = fc.integer({ min: 2, max: 7 });
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
const counts = (document: ClusterDocument) =>
  Object.keys(document.executors).map((id) => owners(document).get(id) ?? 0);
const spread = (numbers: readonly number[]) => Math.max(...numbers) - Math.min(...numbers);
const unlimited = { settings: { maxPartitionAssignmentsPerInterval: 100_000 } };

/** Partitions above the balanced level, when the fullest executors keep the larger shares. */
function surplus(held: readonly number[]): number {
  const total = sum(held);
  const level = Math.floor(total / held.length);
  const larger = total % held.length;
  const descending = [...held].sort((a, b) => b - a);
  return sum(descending.map((count, i) => Math.max(0, count - level - (i < larger ? 1 : 0))));
}

/** No partition without an owner or a learner, and no place for one that the document does not know. */
function expectSound({ document }: TestCluster): void {
  for (const { partitions } of Object.values(document.accelerations)) {
    for (let i = 0; i < partitions.count; i += 1) {
      const places = [...partitions.holders(i), ...partitions.learners(i)];
      expect(places.length).toBeGreaterThan(0);
      expect(new Set(places).size).toBe(places.length);
      for (const id of places) expect(document.executors[id]).toBeDefined();
    }
  }
}

describe("moves", () => {
  test("restore balance after a join with the least movement", () => {
    fc.assert(
      fc.property(size, tables, fc.integer({ min: 1, max: 3 }), (executors, buckets, joining) => {
        const c = cluster(executors, buckets);
        for (let i = 0; i < joining; i += 1) c.join(`n${i}`);
        const least = surplus(counts(c.document));
        expect(c.finish()).toBe(least);
        expect(spread(counts(c.document))).toBeLessThanOrEqual(1);
      }),
      { numRuns: 40 },
    );
  });

  /** Buckets of the first table whose like in another one has another owner. */
  function apart({ document }: TestCluster): number {
    const [first, ...others] = Object.values(document.accelerations).map(({ partitions }) => partitions);
    if (first === undefined) return 0;
    const owners = Array.from({ length: first.count }, (_, i) => first.owner(i));
    return owners.filter((owner, i) =>
      others.some((set) => set.owner(set.indexOfKey(first.key(i))) !== owner),
    ).length;
  }

  test("keep equal buckets of tables together, a few at the edges excepted", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 5 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 2, max: 3 }),
        fc.boolean(),
        (executors, each, tables, joins) => {
          const c = cluster(executors, Array(tables).fill(executors * each));
          expect(apart(c)).toBe(0);
          if (joins) c.join("n");
          else c.drain("e0");
          const least = joins ? surplus(counts(c.document)) : (owners(c.document).get("e0") ?? 0);
          expect(c.finish()).toBe(least);
          expect(apart(c)).toBeLessThanOrEqual(executors);
        },
      ),
      { numRuns: 40 },
    );
  });

  test("keep most equal buckets together over many joins and drains", () => {
    const history = fc.record({
      buckets: fc.integer({ min: 12, max: 40 }),
      tables: fc.integer({ min: 2, max: 3 }),
      joins: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
    });
    let [all, parted] = [0, 0];
    for (const { buckets, tables, joins } of fc.sample(history, { seed: 11, numRuns: 40 })) {
      const c = cluster(4, Array(tables).fill(buckets));
      joins.forEach((join, i) => {
        const active = Object.keys(c.document.executors).filter(
          (id) => c.document.executors[id]?.state === "active",
        );
        if (join || active.length < 3) c.join(`n${i}`);
        else c.drain(active[i % active.length]!);
        c.finish();
      });
      all += buckets;
      parted += apart(c);
    }
    // A fifth; where nothing is done for it, it is a half.
    expect(parted / all).toBeLessThan(0.3);
  });

  test("after a loss move what was lost and what balance needs, nothing else", () => {
    fc.assert(
      fc.property(size, tables, (executors, buckets) => {
        const c = cluster(executors, buckets);
        const lost = owners(c.document).get("e0") ?? 0;
        c.dead.add("e0");
        c.plan({ lost: new Set(["e0"]) });
        expect(c.last).toMatchObject({ removed: ["e0"], empty: lost === 0 ? ["e0"] : [] });
        expectSound(c);
        c.load();
        expect(c.finish()).toBe(lost);
        expect(spread(counts(c.document))).toBeLessThanOrEqual(1);
      }),
      { numRuns: 40 },
    );
  });

  test("empty a draining executor with as many moves as it has partitions", () => {
    fc.assert(
      fc.property(size, tables, (executors, buckets) => {
        const c = cluster(executors, buckets);
        const before = owners(c.document).get("e0") ?? 0;
        c.drain("e0");
        expect(c.finish()).toBe(before);
        expect(drainStatus(c.document, "e0")).toEqual({ state: "DRAINED", remaining: 0 });
      }),
      { numRuns: 40 },
    );
  });

  test("never have more learners under way than the interval allows", () => {
    fc.assert(
      fc.property(
        size,
        tables,
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        (executors, buckets, most, drain) => {
          const c = cluster(executors, buckets);
          if (drain) c.drain("e0");
          else c.join("n");
          const limit = { settings: { maxPartitionAssignmentsPerInterval: most } };
          for (let turn = 0; turn < 3; turn += 1) {
            c.plan(limit);
            expect(c.last.moving).toBeLessThanOrEqual(most);
          }
          c.finish(limit);
          expectSound(c);
        },
      ),
      { numRuns: 40 },
    );
  });

  test("are idempotent", () => {
    fc.assert(
      fc.property(size, tables, fc.constantFrom("join", "drain", "loss"), (executors, buckets, what) => {
        const c = cluster(executors, buckets);
        if (what === "join") c.join("n");
        if (what === "drain") c.drain("e0");
        if (what === "loss") c.dead.add("e0");
        c.plan(what === "loss" ? { lost: new Set(["e0"]) } : {});
        const { document } = c;
        c.plan();
        expect(c.document).toBe(document);
      }),
      { numRuns: 40 },
    );
  });

  const event = fc.record({
    kind: fc.constantFrom("join", "lose", "return", "drain", "undrain", "restart", "load", "plan"),
    at: fc.integer({ min: 0, max: 5 }),
    cap: fc.integer({ min: 1, max: 10 }),
  });

  test("converge after any order of events, and keep every partition in between", () => {
    fc.assert(
      fc.property(tables, fc.array(event, { maxLength: 40 }), (buckets, events) => {
        const c = cluster(4, buckets);
        for (const { kind, at, cap } of events) {
          const id = `e${at}`;
          const known = c.document.executors[id] !== undefined;
          if (kind === "join" && !known) c.join(id);
          else if (kind === "restart" && known) c.join(id, `${c.document.revision}`);
          else if (kind === "return") c.dead.delete(id);
          else if (kind === "drain" && known) c.drain(id);
          else if (kind === "undrain" && known) c.drain(id, "active");
          else if (kind === "load") c.load();
          else if (kind === "lose" && known) {
            c.dead.add(id);
            c.plan({ lost: new Set(c.dead) });
          } else c.plan({ settings: { maxPartitionAssignmentsPerInterval: cap } });
          if (c.last.stranded === 0) expectSound(c);
        }
        c.dead.clear();
        for (const id of Object.keys(c.document.executors)) c.drain(id, "active");
        c.join("last");
        c.load();
        c.finish(unlimited);
        expectSound(c);
        expect(c.last).toMatchObject({ moving: 0, stranded: 0 });
        expect(spread(counts(c.document))).toBeLessThanOrEqual(1);
      }),
      { numRuns: 100 },
    );
  });
});

describe("limits", () => {
  test("more than half of the executors lost is not believed", () => {
    const c = cluster(3, [6]);
    const { document } = c;
    c.plan({ lost: new Set(["e0", "e1"]), liveExecutors: ["e2"] });
    expect(c.document).toBe(document);
    expect(c.last).toMatchObject({
      condition: "more than half of the executors look lost",
      removed: [],
      steps: [],
    });
  });

  test("executors that fall silent with the lost one count as well", () => {
    const c = cluster(5, [10]);
    const { document } = c;
    const first = { lost: new Set(["e0"]), liveExecutors: ["e1", "e2", "e3", "e4"] };
    c.plan({ ...first, unheard: new Set(["e0", "e1", "e2"]) });
    expect(c.document).toBe(document);
    expect(c.last).toMatchObject({ condition: "more than half of the executors look lost", removed: [] });
    c.plan({ ...first, unheard: new Set(["e0", "e1"]) });
    expect(c.last).toMatchObject({ removed: ["e0"] });
    expect(c.last?.condition).toBeUndefined();
  });

  test("drained executors that have left are not counted, and go", () => {
    const c = cluster(5, [10]);
    for (const id of ["e2", "e3", "e4"]) c.drain(id);
    c.finish();
    const gone = new Set(["e2", "e3", "e4"]);
    c.plan({ lost: gone, unheard: gone, liveExecutors: ["e0", "e1"] });
    const removed = ["e2", "e3", "e4"];
    expect(c.last).toMatchObject({ removed, empty: removed, stranded: 0 });
    expect(c.last?.condition).toBeUndefined();

    const full = cluster(5, [10]);
    for (const id of gone) full.drain(id);
    full.plan({ lost: gone, unheard: gone, liveExecutors: ["e0", "e1"] });
    expect(full.last).toMatchObject({ condition: "more than half of the executors look lost", removed: [] });
  });

  test("silence without a loss keeps nothing from moving", () => {
    const c = cluster(3, [6]);
    c.drain("e0");
    c.plan({ unheard: new Set(["e1", "e2"]) });
    expect(c.last?.condition).toBeUndefined();
    expect(c.last?.moving).toBe(2);
  });

  test("a drain is blocked without another executor, and without capacity", () => {
    const one = cluster(1, [3]);
    one.drain("e0");
    one.plan();
    expect(drainStatus(one.document, "e0", one.last.blocked)).toEqual({
      state: "BLOCKED",
      remaining: 3,
      reason: "no other active executor is heard",
    });
    const two = cluster(2, [6]);
    two.drain("e0");
    two.plan({ settings: { maxPartitionsPerExecutor: 3 } });
    expect(drainStatus(two.document, "e0", two.last.blocked)).toEqual({
      state: "BLOCKED",
      remaining: 3,
      reason: "All executors at capacity",
    });
  });

  test("a loss passes the limit per executor and says so", () => {
    const c = cluster(2, [6]);
    c.dead.add("e0");
    c.plan({ lost: new Set(["e0"]), settings: { maxPartitionsPerExecutor: 3 } });
    expect(c.last.overCapacity).toEqual(["e1"]);
  });

  test("bytes under way are bounded, but one partition may always move", () => {
    const sizes = () => ({ rows: () => undefined, bytes: () => 100 });
    const learners = (maxPartitionMoveBytes: number) => {
      const c = cluster(1, [12]);
      c.join("n");
      return c.plan({ sizes, settings: { maxPartitionMoveBytes } }).moving;
    };
    expect([learners(50), learners(250), learners(1_000_000)]).toEqual([1, 2, 6]);
  });
});
