import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { editDistance, suggest } from "./suggest.ts";

const word = fc.string({ maxLength: 12 });

describe("suggest", () => {
  test.each([
    ["refresh_mod", "refresh_mode"],
    ["refreshMode", "refresh_mode"],
    ["refresh-mode", "refresh_mode"],
    ["ENGINE", "engine"],
    ["engnie", "engine"],
    ["colour", undefined],
    ["x".repeat(100), undefined],
  ])("%j is nearest to %j", (written, nearest) => {
    expect(suggest(written, ["engine", "mode", "refresh_mode", "refresh_sql"])).toBe(nearest);
  });

  test("the distance is a metric as far as words go", () => {
    expect(editDistance("ab", "ba")).toBe(1);
    expect(editDistance("kitten", "sitting")).toBe(3);
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      }),
    );
  });
});
