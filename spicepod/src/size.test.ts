import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatSize, parseSize, suggestSize } from "./size.ts";

describe("size", () => {
  test.each([
    ["512MB", 512_000_000],
    ["4GiB", 4 * 1024 ** 3],
    ["4GB", 4_000_000_000],
    ["1KiB", 1024],
    ["1KB", 1000],
    ["2TiB", 2 * 1024 ** 4],
    ["7B", 7],
  ])("%s is %d bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each(["", "512", "4Gi", "4 GB", "1.5GB", "-1MB", "4gb", "MB", "99999999999TB"])(
    "%j is none",
    (text) => {
      expect(parseSize(text)).toBeUndefined();
    },
  );

  test("what is written reads back, for every number of bytes", () => {
    const units = fc.constantFrom(1, 1000, 1024, 1000 ** 3, 1024 ** 3);
    fc.assert(
      fc.property(fc.nat({ max: 8_000_000 }), units, (count, unit) => {
        expect(parseSize(formatSize(count * unit))).toBe(count * unit);
      }),
    );
  });

  test("guesses what was meant", () => {
    expect(suggestSize("4Gi")).toBe("4GiB");
    expect(suggestSize("512 mb")).toBe("512MB");
    expect(suggestSize("100")).toBe("100B");
    expect(suggestSize("a lot")).toBeUndefined();
    expect(suggestSize("4GB")).toBeUndefined();
  });
});
