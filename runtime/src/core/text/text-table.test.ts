import { expect, test } from "@jest/globals";
import { textTable } from "./text-table.ts";

test("textTable frames, aligns and keeps one line a row", () => {
  expect(
    textTable(
      ["name", "n"],
      [
        ["a\nb", "1"],
        ["日本", "12"],
        ["é", ""],
      ],
      [false, true],
    ),
  ).toBe(
    `+------+----+
| name |  n |
+------+----+
| a\\nb |  1 |
| 日本 | 12 |
| é    |    |
+------+----+
`,
  );
});
