import { expect, test } from "@jest/globals";
import { chartValues, valueRows } from "./chart-values.ts";
import { withTable } from "./marked-table.ts";

const text = `# One.
a: 1

b:
  # Two
  # lines | and a bar.
  c: [x]
  # A map as one value.
  d:
    e: 1
  # Empty.
  f: {}
`;

test("every value has its path, default and comment", () => {
  const values = chartValues(text);
  expect(values).toEqual([
    { path: "a", standard: "1", description: "One." },
    { path: "b.c", standard: '["x"]', description: "Two lines | and a bar." },
    { path: "b.d", standard: '{"e":1}', description: "A map as one value." },
    { path: "b.f", standard: "{}", description: "Empty." },
  ]);
  const readme = withTable(
    "before\n<!-- values -->\nold\n<!-- end of values -->\nafter\n",
    "values",
    valueRows(values.slice(0, 2)),
  );
  expect(readme).toBe(
    'before\n<!-- values -->\n| value | default | meaning |\n| --- | --- | --- |\n| `a` | `1` | One. |\n| `b.c` | `["x"]` | Two lines \\| and a bar. |\n<!-- end of values -->\nafter\n',
  );
});

test("a value without a comment, and a README without a place, are errors", () => {
  expect(() => chartValues("# One.\na: 1\nb: 2\n")).toThrow("b has no comment");
  expect(() => chartValues("[]")).toThrow("no mapping");
  expect(() => withTable("", "values", [])).toThrow("no place");
});
