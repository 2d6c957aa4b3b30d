import { describe, expect, test } from "@jest/globals";
import { generateQuery } from "./generate.ts";
import { minimise, resolves } from "./minimise.ts";
import { printQuery } from "./print.ts";
import { Rng } from "./rng.ts";
import { toSlt } from "./slt.ts";
import { coverage } from "./tags.ts";

const seeds = Array.from({ length: 300 }, (_, i) => i + 1);

describe("generateQuery", () => {
  test("gives the same text for the same seed, and another for another", () => {
    const [first, second] = [seeds.map((s) => generateQuery(s).sql), seeds.map((s) => generateQuery(s).sql)];
    expect(second).toEqual(first);
    expect(new Set(first).size).toBeGreaterThan(295);
  });

  test("names only columns that its FROM clauses offer", () => {
    for (const seed of seeds) expect([seed, resolves(generateQuery(seed).tree)]).toEqual([seed, true]);
  });

  test("says for every LIMIT what it cuts from, and for every loose column what it may hold", () => {
    for (const { sql, tree, comparison } of seeds.map((s) => generateQuery(s))) {
      expect(comparison.full === undefined).toBe(tree.limit === undefined);
      if (comparison.full !== undefined) expect(sql.startsWith(comparison.full)).toBe(true);
      expect(/any_value|approx_|mode\(/.test(sql) && comparison.witness === undefined).toBe(false);
    }
  });
});

describe("minimise", () => {
  const big = seeds
    .map((s) => generateQuery(s))
    .filter((q) => q.tags.has("join:LEFT") && q.sql.length > 600)[0]!;

  test("keeps what fails and drops the rest", async () => {
    const small = await minimise(big.tree, (tree) => printQuery(tree).includes("LEFT JOIN"), 5000);
    const text = printQuery(small);
    expect(text).toContain("LEFT JOIN");
    expect(text.length).toBeLessThan(big.sql.length / 3);
    expect(small.orderBy).toEqual([]);
    expect(resolves(small)).toBe(true);
  });

  test("gives back a statement that only fails whole, and respects its budget", async () => {
    expect(printQuery(await minimise(big.tree, (tree) => printQuery(tree) === big.sql))).toBe(big.sql);
    let asked = 0;
    await minimise(big.tree, () => ++asked > 0, 10);
    expect(asked).toBeLessThanOrEqual(10);
  });

  test("ends on whatever always fails, for every kind of statement", async () => {
    for (const { tree, comparison } of seeds.map((s) => generateQuery(s))) {
      // A loose call stays whole, and with it what it names.
      if (comparison.witness !== undefined) continue;
      const text = printQuery(await minimise(tree, () => true, 2000));
      expect(text.length).toBeLessThan(250);
      expect(text).not.toMatch(/[^(]WHERE|HAVING|LIMIT|UNION|EXCEPT|INTERSECT|GROUP BY/);
    }
  });
});

test("toSlt writes one record", () => {
  const comparison = { order: [] };
  const columns = [
    { name: "a", type: "BIGINT" },
    { name: "b", type: "VARCHAR" },
    { name: "c", type: "DECIMAL(9,2)" },
  ];
  const rows = [
    ["2", "x\ty", "1.50"],
    ["10", "", null],
  ];
  expect(toSlt({ name: "random-1", sql: "SELECT 1", comparison }, { columns, rows })).toBe(
    "# random-1\nquery ITR rowsort\nSELECT 1\n----\n10\t(empty)\tNULL\n2\tx\\ty\t1.5\n",
  );
  const order = [0, 1, 2].map((column) => ({ column, descending: true, nullsFirst: false }));
  expect(toSlt({ name: "n", sql: "SELECT 1", comparison: { order } }, { columns, rows })).toContain(
    "nosort\nSELECT 1\n----\n2\t",
  );
});

test("coverage lists what is wanted but never drawn, first", () => {
  const counts = coverage([{ tags: new Set(["agg:sum"]) }]);
  expect(counts[0]?.[1]).toBe(0);
  expect(counts.at(-1)).toEqual(["agg:sum", 1]);
});

test("Rng is uniform enough and repeats", () => {
  const [a, b] = [new Rng(5), new Rng(5)];
  const draws = Array.from({ length: 6000 }, () => a.int(0, 5));
  expect(draws).toEqual(Array.from({ length: 6000 }, () => b.int(0, 5)));
  for (let i = 0; i < 6; i++) {
    const share = draws.filter((d) => d === i).length;
    expect(share).toBeGreaterThan(850);
    expect(share).toBeLessThan(1150);
  }
  const never = Array.from({ length: 500 }, () => a.weighted({ x: 1, y: 0 }));
  expect(new Set(never)).toEqual(new Set(["x"]));
});
