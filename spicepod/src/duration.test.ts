import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatDuration, parseDuration, suggestDuration } from "./duration.ts";

describe("duration", () => {
  test.each([
    ["500ms", 500],
    ["10s", 10_000],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["1h30m", 5_400_000],
    ["1m1ms", 60_001],
    ["0s", 0],
  ])("%s is %d milliseconds", (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  test.each(["", "30", "10 s", "1.5h", "-1s", "s", "1h30", "1w", "10S", "99999999999999d"])(
    "%j is none",
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  test("what is written reads back, for every number of milliseconds", () => {
    fc.assert(
      fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (milliseconds) => {
        expect(parseDuration(formatDuration(milliseconds))).toBe(milliseconds);
      }),
    );
  });

  test("a sum is the sum of its parts", () => {
    const part = fc.tuple(fc.nat({ max: 10_000 }), fc.constantFrom("ms", "s", "m", "h", "d"));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        const texts = parts.map(([count, unit]) => `${count}${unit}`);
        const sum = texts.reduce((total, text) => total + (parseDuration(text) as number), 0);
        expect(parseDuration(texts.join(""))).toBe(sum);
      }),
    );
  });

  test("any other text is undefined or a whole number, never an exception", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const value = parseDuration(text);
        expect(value === undefined || Number.isSafeInteger(value)).toBe(true);
      }),
    );
  });

  test("guesses what was meant", () => {
    expect(suggestDuration("30")).toBe("30s");
    expect(suggestDuration("5 min")).toBe("5m");
    expect(suggestDuration("1 hour 30 minutes")).toBe("1h30m");
    expect(suggestDuration("soon")).toBeUndefined();
    expect(suggestDuration("10s")).toBeUndefined();
  });
});
