import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { applyDiscovery, diffDiscovery } from "../assignment/diff.ts";
import { packVector, unpackVector } from "./packed-vector.ts";
import { PartitionSet } from "./partition-set.ts";
import { PartitionValues } from "./partition-values.ts";

const text = fc.option(
  fc.oneof(
    fc.integer({ min: -50, max: 50 }).map(String),
    fc.string(),
    fc.constantFrom("007", "-0", "1e3", ""),
  ),
  { nil: null },
);
const tuples = fc.array(fc.tuple(text, text), { maxLength: 30 });

describe("packed vectors", () => {
  test("give back what was packed", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), fc.array(fc.nat({ max: 0xffffffff })), (base, codes) => {
        const small = codes.map((code) => base + (code % 1_000));
        expect([...unpackVector(packVector(small), small.length)]).toEqual(small);
        expect([...unpackVector(packVector(codes), codes.length)]).toEqual(codes);
      }),
    );
  });

  test("cost nothing when all are equal, and refuse data of another length", () => {
    expect(packVector([9, 9, 9])).toEqual({ base: 9, bits: 0, data: "" });
    expect(() => unpackVector({ base: 0, bits: 8, data: "AA==" }, 2)).toThrow(RangeError);
    expect(() => unpackVector({ base: 0, bits: 33, data: "" }, 1)).toThrow(RangeError);
  });
});

describe("partition values", () => {
  test("keep every value exactly, once, in order, and find it again", () => {
    fc.assert(
      fc.property(tuples, (given) => {
        const values = PartitionValues.of(2, given);
        const keys = new Set(given.map((tuple) => JSON.stringify(tuple)));
        expect(values.count).toBe(keys.size);
        for (let i = 0; i < values.count; i += 1) {
          expect(keys.has(values.key(i))).toBe(true);
          expect(values.indexOf(values.tuple(i))).toBe(i);
          if (i > 0) expect(values.compare(i - 1, values, i)).toBeLessThan(0);
        }
        expect(values.indexOf(["not there", "?"])).toBe(-1);
      }),
    );
  });

  test("number integers, with null last", () => {
    const values = PartitionValues.of(1, [["10"], [null], ["9"], ["a"], ["-1"]]);
    expect(Array.from({ length: 5 }, (_, i) => values.tuple(i)[0])).toEqual(["-1", "9", "10", "a", null]);
  });

  test("of buckets are the same however they were made", () => {
    const listed = PartitionValues.of(1, [...Array.from({ length: 40 }, (_, i) => [String(i)]), [null]]);
    expect(PartitionValues.buckets(40, true).equals(listed)).toBe(true);
    expect(PartitionValues.single().key(0)).toBe("[]");
  });

  test("unite as sets do", () => {
    fc.assert(
      fc.property(tuples, tuples, (a, b) => {
        const united = PartitionValues.of(2, a).union(PartitionValues.of(2, b));
        expect(united.equals(PartitionValues.of(2, [...a, ...b]))).toBe(true);
      }),
    );
  });
});

describe("discovery", () => {
  const days = (...list: string[]) =>
    PartitionValues.of(
      1,
      list.map((day) => [day]),
    );
  const owned = (values: PartitionValues) => {
    const edit = PartitionSet.fresh(values).edit();
    for (let i = 0; i < values.count; i += 1) edit.assign(i, `e${i}`, 3, 1);
    return edit.build();
  };

  test("adds at once and removes after two successive absences", () => {
    const known = owned(days("a", "b"));
    const first = diffDiscovery(known, days("b", "c"), new Map());
    expect([first.added, [...first.absent.keys()], first.removable.size]).toEqual([1, ['["a"]'], 0]);
    const grown = applyDiscovery(known, days("b", "c"), first.removable);
    expect(grown.values.equals(days("a", "b", "c"))).toBe(true);
    expect([grown.owner(0), grown.owner(1), grown.owner(2)]).toEqual(["e0", "e1", undefined]);
    const second = diffDiscovery(grown, days("b", "c"), first.absent);
    const shrunk = applyDiscovery(grown, days("b", "c"), second.removable);
    expect(shrunk.values.equals(days("b", "c"))).toBe(true);
    expect(shrunk.owner(0)).toBe("e1");
  });

  test("starts counting anew for a value that came back or changed hands", () => {
    const known = owned(days("a", "b"));
    const first = diffDiscovery(known, days("b"), new Map());
    const back = diffDiscovery(known, days("a", "b"), first.absent);
    expect(diffDiscovery(known, days("b"), back.absent).removable.size).toBe(0);
    const edit = known.edit();
    edit.assign(0, "e9", 3, 1);
    expect(diffDiscovery(edit.build(), days("b"), first.absent).removable.size).toBe(0);
  });

  test("does not remove what a discovery of now has, whatever was remembered", () => {
    const known = owned(days("a", "b"));
    expect(applyDiscovery(known, days("a", "b"), new Map([['["a"]', 3]]))).toBe(known);
  });
});
