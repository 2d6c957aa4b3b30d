import { expect, test } from "@jest/globals";
import { statementKind } from "./statement-kind.ts";

test.each([
  ["SELECT 1", "no", "SELECT 1", 0],
  ["explain SELECT 1", "plan", "SELECT 1", 8],
  ["-- why\n/* é */ EXPLAIN\tAnalyze\n SELECT 1", "analyze", "SELECT 1", 33],
  ["SELECT 'explain x'", "no", "SELECT 'explain x'", 0],
  ["explained", "no", "explained", 0],
] as const)("%s", (text, explain, sql, offset) => {
  expect(statementKind(text)).toEqual({ explain, sql, offset });
});
