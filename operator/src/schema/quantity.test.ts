import { expect, test } from "@jest/globals";
import { parseQuantity } from "./quantity.ts";

test.each([
  ["200Gi", 200 * 2 ** 30],
  ["500m", 0.5],
  ["1e3", 1000],
  ["1E", 1e18],
  ["1.5Ki", 1536],
  [".5", 0.5],
  [4, 4],
])("%s is %d", (text, value) => expect(parseQuantity(text)).toBe(value));

test.each(["1".repeat(65), "", "x", "1 Gi", "Gi", "1KiB", "1.2.3"])("%j is no quantity", (text) =>
  expect(parseQuantity(text)).toBeUndefined(),
);
