import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { CatalogTable } from "../catalog.ts";
import { chooseHolders } from "./choose-holders.ts";

function table(holders: readonly (readonly string[])[]): CatalogTable {
  return {
    name: "t",
    fullName: "spice.public.t",
    revision: 1,
    columns: [],
    partitionBy: ["k"],
    partitions: holders.map((executors, i) => ({
      key: String(i),
      values: [String(i)],
      holders: executors.map((executor) => ({ executor, epoch: 1, version: 1 })),
    })),
  };
}

function chosen(holders: readonly (readonly string[])[]): string[] {
  const t = table(holders);
  const all = new Set(holders.map((_, i) => i));
  const choice = chooseHolders([{ table: t, partitions: all }]).get(t.fullName);
  return holders.map((_, i) => choice?.get(i)?.executor ?? "");
}

describe("chooseHolders", () => {
  test("asks one executor where one has everything", () => {
    expect(chosen([["a", "b"], ["c", "b"], ["b"]])).toEqual(["b", "b", "b"]);
  });

  test("takes owners where nothing is gained by others", () => {
    expect(chosen([["a"], ["b"], ["a"]])).toEqual(["a", "b", "a"]);
  });

  test("counts partitions that nobody holds", () => {
    expect(() => chosen([["a"], [], []])).toThrow(
      "Cannot execute query: 2 partition(s) not assigned to any executor",
    );
  });

  test.each([
    [[true, true], true],
    [[true, false], false],
    [[undefined, undefined], false],
  ])("tells whether all that is missing is awaited: %j", (marks, awaited) => {
    const { partitions, ...rest } = table([["a"], [], []]);
    const marked = partitions.map((p, i) => {
      const mark = i === 0 ? undefined : marks[i - 1];
      return mark === undefined ? p : { ...p, awaited: mark };
    });
    const needed = [{ table: { ...rest, partitions: marked }, partitions: new Set([0, 1, 2]) }];
    expect(() => chooseHolders(needed)).toThrow(expect.objectContaining({ count: 2, awaited }));
  });

  test("gives every partition to one of its holders, and asks nobody in vain", () => {
    const executor = fc.constantFrom("a", "b", "c", "d");
    const layout = fc.array(fc.uniqueArray(executor, { minLength: 1, maxLength: 3 }), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(layout, (holders) => {
        const executors = chosen(holders);
        executors.forEach((name, i) => {
          expect(holders[i]).toContain(name);
        });
        const asked = new Set(executors);
        // Without any one of the executors some partition would have no other asked holder.
        for (const out of asked) {
          const others = [...asked].filter((name) => name !== out);
          const covered = holders.every((list) => list.some((name) => others.includes(name)));
          expect(covered && asked.size > 2).toBe(false);
        }
      }),
      { numRuns: 200 },
    );
  });
});
