import { describe, expect, test } from "@jest/globals";
import { textShape } from "./text-shape.ts";

describe("textShape", () => {
  test("texts that differ in integers and simple strings alone share a shape", () => {
    const one = textShape("SELECT a, 'x' FROM t WHERE id = 17 AND s = 'north'");
    const two = textShape("SELECT a, 'y' FROM t WHERE id = 123456789 AND s = ''");
    expect(one?.key).toBe(two?.key);
    expect(one?.literals).toEqual([
      { offset: 10, value: "x" },
      { offset: 32, value: 17 },
      { offset: 43, value: "north" },
    ]);
  });

  test.each([
    ["a larger integer", "WHERE id = 1234567890"],
    ["a decimal", "WHERE id = 1.5"],
    ["a decimal without a whole part", "WHERE id = .5"],
    ["an exponent", "WHERE id = 5e3"],
    ["a hexadecimal", "WHERE id = 0x5"],
    ["a string with a quote", "WHERE id = 'it''s'"],
    ["another column", "WHERE i5 = 5"],
    ["a quoted column", `WHERE "5" = 5`],
  ])("%s is no literal of a shape", (_, sql) => {
    expect(textShape(sql)?.key).not.toBe(textShape("WHERE id = 5")?.key);
    expect(textShape(sql)?.literals.length).toBeLessThanOrEqual(1);
  });

  test.each([
    "SELECT 1 -- 2",
    "SELECT /* 1 */ 2",
    "SELECT $1",
    "SELECT $$1$$",
    "SELECT E'\\n'",
    "SELECT 'ä'",
    `SELECT ${"1, ".repeat(5_000)} 1`,
  ])("leaves %.20s to the parser", (sql) => {
    expect(textShape(sql)).toBeUndefined();
  });
});
