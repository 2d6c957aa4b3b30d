import { expect, test } from "@jest/globals";
import { type ChangingTable, payload } from "./changing-source.ts";
import { type Question, questionsOver, type Row } from "./questions.ts";

/** Eight ids in two partitions: even and odd. */
const table = (name: string): ChangingTable => ({
  name,
  rows: 8,
  partition: "id % 2",
  truth: new Map([
    ["0", { rows: 4, ids: 12 }],
    ["1", { rows: 4, ids: 16 }],
  ]),
});
const questions = questionsOver([table("ledger"), table("items")]);
const starting = (sql: string): Question => questions.find((q) => q.sql.startsWith(sql))!;
const row = (id: number, gen: number): Row => ({ id, gen, v: payload(id, gen) });
const part = (p: number, gen: number, more: Partial<Row> = {}): Row => {
  const ids = p === 0 ? 12 : 16;
  return { p, n: 4, s: ids, lo: gen, hi: gen, v: ids * 31 + 4 * 7 * gen, ...more };
};

test("partitions of different generations are exact, and tell which", () => {
  const verdict = starting("SELECT id % 2 AS p").check([part(0, 3), part(1, 4)]);
  expect(verdict).toEqual({
    kind: "exact",
    seen: new Map([
      ["ledger/0", 3],
      ["ledger/1", 4],
    ]),
  });
});

test.each<[string, readonly Row[]]>([
  ["a missing partition", [part(0, 3)]],
  ["a partition that is there twice", [part(0, 3), part(0, 3)]],
  ["rows that are missing", [part(0, 3, { n: 3 }), part(1, 3)]],
  ["rows that are doubled", [part(0, 3), part(1, 3, { n: 8, s: 32 })]],
  ["two generations in one partition", [part(0, 3, { lo: 2 }), part(1, 3)]],
  ["values of another generation than their rows", [part(0, 3, { v: 12 * 31 + 4 * 7 * 4 }), part(1, 3)]],
])("sees %s", (_, rows) => {
  expect(starting("SELECT id % 2 AS p").check(rows).kind).toBe("wrong");
});

test("rows are whole, all there, once, and in order", () => {
  const every = starting("SELECT id, gen, v FROM ledger ORDER BY id");
  const rows = Array.from({ length: 8 }, (_, id) => row(id, 2));
  expect(every.check(rows).kind).toBe("exact");
  expect(every.check(rows.slice(1)).kind).toBe("wrong");
  expect(every.check([...rows, row(7, 2)]).kind).toBe("wrong");
  expect(every.check(rows.map((r) => ({ ...r, gen: 3 }))).kind).toBe("wrong");
  expect(every.check(rows.toReversed()).kind).toBe("wrong");
  expect(starting("SELECT count(*) AS n, sum(a.id)").check([{ n: 8, s: 28 }]).kind).toBe("exact");
  expect(starting("SELECT count(*) AS n, sum(a.id)").check([{ n: 7, s: 28 }]).kind).toBe("wrong");
});
