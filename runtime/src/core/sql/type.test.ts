import { describe, expect, test } from "@jest/globals";
import { parseSqlType, SqlTypeError } from "./type.ts";

describe("parseSqlType", () => {
  test("reads nested types as the engine prints them", () => {
    expect(
      parseSqlType(`STRUCT(a INTEGER, "b ""c" ENUM('x', 'it''s')[], "time" TIME WITH TIME ZONE)[3]`),
    ).toEqual({
      kind: "array",
      size: 3,
      element: {
        kind: "struct",
        fields: [
          { name: "a", type: { kind: "scalar", name: "INTEGER", text: "INTEGER" } },
          { name: 'b "c', type: { kind: "list", element: { kind: "enum", values: ["x", "it's"] } } },
          {
            name: "time",
            type: { kind: "scalar", name: "TIME WITH TIME ZONE", text: "TIME WITH TIME ZONE" },
          },
        ],
      },
    });
  });

  test("tells unnamed fields from named ones", () => {
    expect(parseSqlType("STRUCT(TIMESTAMP WITH TIME ZONE, DECIMAL(10,2), INTEGER[])")).toMatchObject({
      fields: [
        { name: undefined, type: { name: "TIMESTAMP WITH TIME ZONE" } },
        { name: undefined, type: { text: "DECIMAL(10,2)" } },
        { name: undefined, type: { kind: "list" } },
      ],
    });
  });

  test("reads maps, unions and the NULL type", () => {
    expect(parseSqlType('MAP(VARCHAR, UNION(a "NULL"))')).toEqual({
      kind: "map",
      key: { kind: "scalar", name: "VARCHAR", text: "VARCHAR" },
      value: {
        kind: "union",
        members: [{ name: "a", type: { kind: "scalar", name: "NULL", text: "NULL" } }],
      },
    });
  });

  test.each(["", "INTEGER)", "STRUCT(a", "INTEGER[x]", "INTEGER; DROP TABLE t", "MAP(INTEGER)", "'x'"])(
    "refuses %j",
    (text) => expect(() => parseSqlType(text)).toThrow(SqlTypeError),
  );
});
