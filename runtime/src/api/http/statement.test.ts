import { describe, expect, test } from "@jest/globals";
import { statementFromJson } from "./statement.ts";

describe("statementFromJson", () => {
  test("keeps integers exact that a number cannot hold", () => {
    expect(
      statementFromJson('{"sql":"SELECT $1","parameters":[9007199254740993, -1, 1.5, 1e3, null, "x", [1]]}'),
    ).toEqual({ sql: "SELECT $1", parameters: ["9007199254740993", -1, 1.5, 1000, null, "x", [1]] });
  });

  test.each([
    ["[]", "The body must be a JSON object"],
    ["null", "The body must be a JSON object"],
    ["{}", 'The field "sql" must be a string.'],
    ['{"sql":" "}', "The SQL statement is empty."],
    ['{"sql":"x","parameters":{"a":1}}', 'The field "parameters" must be an array.'],
    ['{"sql":"x","params":[]}', 'Unknown field "params".'],
    ['{"sql":', "The body is not JSON"],
  ])("refuses %s", (text, message) => {
    expect(() => statementFromJson(text)).toThrow(
      expect.objectContaining({ status: 400, message: expect.stringContaining(message) }),
    );
  });
});
