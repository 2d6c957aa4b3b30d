import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { PartitionSet } from "../document/partition-set.ts";
import { PartitionValues } from "../document/partition-values.ts";
import { type AssignInput, type AssignTable, assign, colocationKey } from "./assign.ts";

const buckets = (n: number) => PartitionSet.fresh(PartitionValues.buckets(n, false));
const table = (name: string, partitions: PartitionSet, more: Partial<AssignTable> = {}): AssignTable => ({
  name,
  partitions,
  discoveredAtMs: 0,
  mode: "fill",
  ...more,
});
const input = (
  tables: readonly AssignTable[],
  executors: readonly string[],
  more: Partial<AssignInput> = {},
) => ({
  tables,
  executors,
  maxPerExecutor: 1_000,
  maxAssignments: Number.POSITIVE_INFINITY,
  firstEpoch: 7,
  nowMs: 5,
  ...more,
});
const names = (n: number) => Array.from({ length: n }, (_, i) => `e${i}:50052`);

/** The tables after an assignment. */
function after(given: AssignInput): AssignTable[] {
  const { changed } = assign(given);
  return given.tables.map((t) => ({ ...t, partitions: changed.get(t.name) ?? t.partitions }));
}

function loads(tables: readonly AssignTable[], executors: readonly string[]): number[] {
  return executors.map((id) => tables.reduce((n, t) => n + (t.partitions.ownedCounts().get(id) ?? 0), 0));
}

const spread = (counts: readonly number[]) => Math.max(...counts) - Math.min(...counts);

/** Tables with some owners already, drawn by index. */
const partlyOwned = fc
  .array(
    fc.record({
      owners: fc.array(fc.integer({ min: -1, max: 5 }), { minLength: 1, maxLength: 30 }),
      discoveredAtMs: fc.integer({ min: 0, max: 2 }),
      colocation: fc.constantFrom(undefined, "bucket(8)"),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((list) =>
    list.map(({ owners, discoveredAtMs, colocation }, i) => {
      const edit = buckets(owners.length).edit();
      owners.forEach((owner, p) => {
        if (owner >= 0) edit.assign(p, `e${owner}:50052`, 1, 1);
      });
      return table(`t${i}`, edit.build(), {
        discoveredAtMs,
        ...(colocation === undefined ? {} : { colocation }),
      });
    }),
  );

describe("assign", () => {
  test("seeds balanced within one partition, over all tables and in each", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 8 }),
        (sizes, executors) => {
          const ids = names(executors);
          const done = after(
            input(
              sizes.map((n, i) => table(`t${i}`, buckets(n), { mode: "seed" })),
              ids,
            ),
          );
          expect(spread(loads(done, ids))).toBeLessThanOrEqual(1);
          for (const { partitions } of done) {
            expect(partitions.unassignedCount()).toBe(0);
            expect(spread(ids.map((id) => partitions.ownedCounts().get(id) ?? 0))).toBeLessThanOrEqual(1);
          }
        },
      ),
    );
  });

  test("moves nothing that has an owner, and gives a partition only to the least loaded or to its like", () => {
    fc.assert(
      fc.property(partlyOwned, fc.integer({ min: 1, max: 6 }), (tables, executors) => {
        const ids = names(executors);
        const done = after(input(tables, ids));
        const filled = loads(done, ids);
        tables.forEach((before, t) => {
          for (let i = 0; i < before.partitions.count; i += 1) {
            const owner = before.partitions.owner(i);
            if (owner === undefined) continue;
            expect(done[t]!.partitions.owner(i)).toBe(owner);
            expect(done[t]!.partitions.epoch(i)).toBe(before.partitions.epoch(i));
          }
        });
        const grew = filled.filter((n, i) => n > loads(tables, ids)[i]!);
        for (const n of grew) expect(n).toBeLessThanOrEqual(Math.min(...filled) + 1);
      }),
    );
  });

  test("is deterministic in the order of executors and idempotent", () => {
    fc.assert(
      fc.property(partlyOwned, fc.shuffledSubarray(names(5), { minLength: 1 }), (tables, ids) => {
        const one = after(input(tables, ids));
        const two = after(input(tables, [...ids].sort()));
        one.forEach((t, i) => {
          for (let p = 0; p < t.partitions.count; p += 1) {
            expect(t.partitions.owner(p)).toBe(two[i]!.partitions.owner(p));
          }
        });
        expect(assign(input(one, ids)).changed.size).toBe(0);
      }),
    );
  });

  test("respects both caps, places the newest first and says what is left", () => {
    fc.assert(
      fc.property(
        partlyOwned,
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 0, max: 20 }),
        (tables, maxPerExecutor, maxAssignments) => {
          const ids = names(4);
          const given = input(tables, ids, { maxPerExecutor, maxAssignments });
          const { assigned, warnings } = assign(given);
          const placed = [...assigned.values()].reduce((sum, n) => sum + n, 0);
          expect(placed).toBeLessThanOrEqual(maxAssignments);
          const before = loads(tables, ids);
          const done = after(given);
          loads(done, ids).forEach((n, i) => {
            expect(n).toBeLessThanOrEqual(Math.max(before[i]!, maxPerExecutor));
          });
          const room = before.reduce((sum, n) => sum + Math.max(0, maxPerExecutor - n), 0);
          const wanted = tables.reduce((sum, t) => sum + t.partitions.unassignedCount(), 0);
          expect(placed).toBe(Math.min(room, wanted, maxAssignments));
          expect(warnings.length > 0).toBe(wanted > room && maxAssignments > room);
          // Within a table the values that were left are below those that were placed.
          done.forEach(({ partitions }, t) => {
            const open = Array.from({ length: partitions.count }, (_, i) => i).filter(
              (i) => partitions.owner(i) === undefined,
            );
            const fresh = Array.from({ length: partitions.count }, (_, i) => i).filter(
              (i) => partitions.owner(i) !== undefined && tables[t]!.partitions.owner(i) === undefined,
            );
            if (open.length > 0 && fresh.length > 0)
              expect(Math.max(...open)).toBeLessThan(Math.min(...fresh));
          });
        },
      ),
    );
  });

  test("does not count a first seeding against the interval's cap", () => {
    const ids = names(3);
    const [seeded, filled] = after(
      input([table("a", buckets(50), { mode: "seed" }), table("b", buckets(50))], ids, {
        maxAssignments: 10,
      }),
    );
    expect(seeded!.partitions.unassignedCount()).toBe(0);
    expect(filled!.partitions.unassignedCount()).toBe(40);
  });

  test("places equal buckets of co-located tables together", () => {
    const ids = names(3);
    const colocation = colocationKey(["bucket(12, id)"])!;
    const tables = [
      table("orders", buckets(12), { mode: "seed", colocation }),
      table("other", buckets(5), { mode: "seed" }),
      table("lines", buckets(12), { mode: "seed", colocation }),
    ];
    const [orders, , lines] = after(input(tables, ids));
    for (let b = 0; b < 12; b += 1) expect(lines!.partitions.owner(b)).toBe(orders!.partitions.owner(b));
    expect(spread(ids.map((id) => lines!.partitions.ownedCounts().get(id) ?? 0))).toBe(0);
  });

  test("co-location changes nothing about the balance, and without other load parts as little as balance asks", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 2, max: 4 }),
        fc.integer({ min: 1, max: 8 }),
        (count, tables, executors) => {
          const ids = names(executors);
          const seeds = Array.from({ length: tables }, (_, i) =>
            table(`t${i}`, buckets(count), { mode: "seed", colocation: "bucket(9)" }),
          );
          const done = after(input(seeds, ids));
          expect(spread(loads(done, ids))).toBeLessThanOrEqual(1);
          const [first, ...others] = done.map(({ partitions }) => partitions);
          const apart = others.flatMap((set) =>
            Array.from({ length: count }, (_, b) => set.owner(b) !== first!.owner(b)),
          );
          // Those that have one more of a table than the least cannot all have one more of each.
          expect(apart.filter(Boolean).length).toBeLessThanOrEqual((tables - 1) * (count % executors));
        },
      ),
    );
  });

  test("a table that comes later joins its like on the executors that have it, whatever else they hold", () => {
    const ids = names(3);
    const colocation = "bucket(6)";
    const edit = buckets(6).edit();
    [2, 0, 2, 1, 0, 1].forEach((owner, b) => {
      edit.assign(b, ids[owner]!, 1, 1);
    });
    const old = table("old", edit.build(), { colocation });
    const alike = table("alike", buckets(6), { mode: "seed", colocation });
    const other = table("other", buckets(6), { mode: "seed" });
    const [, joined, apart] = after(input([old, alike, other], ids));
    const places = (set: PartitionSet) => Array.from({ length: 6 }, (_, b) => ids.indexOf(set.owner(b)!));
    expect(places(joined!.partitions)).toEqual([2, 0, 2, 1, 0, 1]);
    expect(places(apart!.partitions)).not.toEqual([2, 0, 2, 1, 0, 1]);
  });

  test("an executor without any of it gets its part of a table that comes later", () => {
    const [alone] = after(
      input([table("a", buckets(20), { mode: "seed", colocation: "bucket(20)" })], ["e0:50052"]),
    );
    const ids = names(10);
    const second = table("b", buckets(20), { mode: "seed", colocation: "bucket(20)" });
    const [, filled] = after(input([alone!, second], ids));
    expect(loads([filled!], ids)).toEqual([0, 3, 3, 2, 2, 2, 2, 2, 2, 2]);
  });

  test("counts rows and bytes where they are known", () => {
    const ids = names(2);
    const sizes = { rows: (key: string) => (key === '["0"]' ? 900 : 100), bytes: () => undefined };
    const [done] = after(input([table("a", buckets(7), { mode: "seed", sizes })], ids));
    const heavy = done!.partitions.owner(0)!;
    expect(done!.partitions.ownedCounts().get(heavy)).toBeLessThan(4);
  });

  test("warns when nobody can take a partition", () => {
    expect(assign(input([table("a", buckets(3))], [])).warnings).toEqual([
      { text: "No suitable executor found for partition", table: "a", partitions: 3 },
    ]);
    expect(assign(input([table("a", buckets(3))], ["e0:50052"], { maxPerExecutor: 2 })).warnings).toEqual([
      { text: "All executors at capacity", table: "a", partitions: 1 },
    ]);
  });

  test("starts a partition's epochs at the revision of the write", () => {
    const { changed } = assign(input([table("a", buckets(1))], ["e0:50052"]));
    expect(changed.get("a")!.epoch(0)).toBe(7);
  });

  test("only a single bucket expression co-locates", () => {
    expect(colocationKey(["bucket(12, id)"])).toBe("bucket(12)");
    expect(colocationKey(["bucket(12, id)", "day"])).toBeUndefined();
    expect(colocationKey(["day"])).toBeUndefined();
    expect(colocationKey([])).toBeUndefined();
  });
});
