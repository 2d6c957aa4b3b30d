import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { columnExpression, parseColumns } from "./columns.ts";

describe("columns", () => {
  test.each([
    ["id", ["id"]],
    ["(a, b)", ["a", "b"]],
    ["( a )", ["a"]],
    ['"My Col"', ["My Col"]],
    ['(a, "b, ""c""")', ["a", 'b, "c"']],
  ])("%s", (text, names) => {
    expect(parseColumns(text)).toEqual(names);
  });

  test.each(["", "a, b", "(a, A)", "(a,)", "a b", "(a", "1a", '"'])("%j is no list of columns", (text) => {
    expect(parseColumns(text)).toBeUndefined();
  });

  test("every name, written as an expression, reads back", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (name) => {
        expect(parseColumns(columnExpression(name))).toEqual([name]);
      }),
    );
  });
});
