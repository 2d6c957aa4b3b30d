import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { isoDate, isoOffset, isoTime, isoTimestamp } from "./calendar.ts";
import { decimalText, doubleText, floatText, isExactNumber } from "./numbers.ts";

describe("calendar", () => {
  test("dates agree with the calendar of JavaScript over its whole range", () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000_000, max: 100_000_000 }), (days) => {
        expect(isoDate(days)).toBe(new Date(days * 86_400_000).toISOString().split("T")[0]);
      }),
    );
  });

  test.each([
    [isoDate(0), "1970-01-01"],
    [isoDate(-719_528), "0000-01-01"],
    [isoDate(-719_529), "-000001-12-31"],
    [isoDate(2_932_897), "+010000-01-01"],
    [isoTime(0n, 1n), "00:00:00"],
    [isoTime(86_399_999_999n, 1_000_000n), "23:59:59.999999"],
    [isoTime(86_400_000_000n, 1_000_000n), "24:00:00"],
    [isoTimestamp(-1n, 1_000_000n), "1969-12-31T23:59:59.999999"],
    [isoTimestamp(1_500n, 1000n), "1970-01-01T00:00:01.5"],
    [isoOffset(19_800), "+05:30"],
    [isoOffset(-3_600), "-01:00"],
    [isoOffset(-57_599), "-15:59:59"],
  ])("%s", (text, expected) => {
    expect(text).toBe(expected);
  });
});

describe("numbers", () => {
  test("singles come back, without the digits that their width as doubles would add", () => {
    expect([0.1, 16_777_216, 1e-45, 3.4028234663852886e38].map((v) => floatText(Math.fround(v)))).toEqual([
      "0.1",
      "16777216",
      "1.4013e-45",
      "3.4028234663852886e+38",
    ]);
    fc.assert(fc.property(fc.float(), (value) => Object.is(Math.fround(Number(floatText(value))), value)));
  });

  test("doubles come back", () => {
    fc.assert(fc.property(fc.double(), (value) => Object.is(Number(doubleText(value)), value)));
  });

  test("decimals that are written bare come back through a double", () => {
    fc.assert(
      fc.property(
        fc.bigInt(-(10n ** 18n), 10n ** 18n),
        fc.integer({ min: 0, max: 18 }),
        (unscaled, scale) => {
          const text = decimalText(unscaled, scale);
          expect(BigInt(text.replace(".", ""))).toBe(unscaled);
          if (!isExactNumber(unscaled, scale)) return;
          const back = Number(text);
          const digits = back.toFixed(scale);
          expect(BigInt(digits.replace(".", ""))).toBe(unscaled);
        },
      ),
    );
    expect(decimalText(-5n, 3)).toBe("-0.005");
    expect([isExactNumber(9_007_199_254_740_991n, 0), isExactNumber(9_007_199_254_740_992n, 0)]).toEqual([
      true,
      false,
    ]);
  });
});
