import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { commitGroups } from "./commit-groups.ts";

const megabyte = 2 ** 20;

describe("commitGroups", () => {
  test("spreads small partitions evenly over the writers", () => {
    const groups = commitGroups(Array<number>(10).fill(1_000), 4);
    expect(groups).toEqual([[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]);
  });

  test("leaves large ones and those of unknown size by themselves", () => {
    expect(commitGroups([40 * megabyte, 1, undefined, 2, 9 * megabyte, 9 * megabyte], 1)).toEqual([
      [0],
      [1],
      [2],
      [3, 4],
      [5],
    ]);
    expect(commitGroups([], 4)).toEqual([]);
  });

  test("takes each partition once, in order, and never more than 16 MiB or 64 of them together", () => {
    const size = fc.option(fc.integer({ min: 0, max: 30 * megabyte }), { nil: undefined });
    fc.assert(
      fc.property(fc.array(size, { maxLength: 300 }), fc.integer({ min: 1, max: 8 }), (bytes, writers) => {
        const groups = commitGroups(bytes, writers);
        expect(groups.flat()).toEqual(bytes.map((_, i) => i));
        for (const group of groups) {
          const sum = group.reduce((total, i) => total + (bytes[i] ?? 16 * megabyte), 0);
          if (group.length > 1) expect(sum).toBeLessThanOrEqual(16 * megabyte);
          expect(group.length).toBeLessThanOrEqual(64);
        }
      }),
    );
  });
});
