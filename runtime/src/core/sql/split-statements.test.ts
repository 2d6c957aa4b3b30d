import { describe, expect, test } from "@jest/globals";
import { isBlank, splitStatements } from "./split-statements.ts";

describe("splitStatements", () => {
  test.each([
    ["SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"], ""],
    ["SELECT 1", [], "SELECT 1"],
    ["SELECT ';' AS \"a;b\"; x", ["SELECT ';' AS \"a;b\""], " x"],
    ["SELECT 'it''s; fine';", ["SELECT 'it''s; fine'"], ""],
    ["SELECT $$a;b$$, $t$;$$;$t$;", ["SELECT $$a;b$$, $t$;$$;$t$"], ""],
    ["SELECT 1 -- a; b\n;", ["SELECT 1 -- a; b"], ""],
    ["/* ; */ SELECT 1;", ["/* ; */ SELECT 1"], ""],
    ["SELECT 'open; ", [], "SELECT 'open; "],
    ["SELECT $1; SELECT 2$", ["SELECT $1"], " SELECT 2$"],
    [";;", [], ""],
  ])("%s", (script, statements, rest) => {
    expect(splitStatements(script)).toEqual({ statements, rest });
  });

  test("comments are blank", () => {
    expect(isBlank(" -- x\n /* y */\n")).toBe(true);
    expect(isBlank(" -- x\n 1")).toBe(false);
  });
});
