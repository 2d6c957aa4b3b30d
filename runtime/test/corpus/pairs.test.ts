import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { allPairs, assignCells, type Cell, type Factors, product } from "./pairs.ts";
import { awkwardPartitionings, suits } from "./partitionings.ts";

const factors = {
  partitioning: awkwardPartitionings,
  engine: ["arrow", "duckdb"],
  executors: [1, 3, 5],
} as const;
const allowed = (cell: Cell<typeof factors>) => suits(cell.partitioning, cell.engine);

const pairs = (f: Factors, cells: readonly Cell<Factors>[]) => {
  const names = Object.keys(f);
  return new Set(
    cells.flatMap((c) =>
      names.flatMap((a, i) =>
        names.slice(i + 1).map((b) => `${a}${f[a]!.indexOf(c[a])} ${b}${f[b]!.indexOf(c[b])}`),
      ),
    ),
  );
};

describe("allPairs", () => {
  test("holds every pair that the product holds, in far fewer cells", () => {
    const all = product(factors, allowed);
    const cells = allPairs(factors, { seed: 1, allowed });
    expect(pairs(factors, cells)).toEqual(pairs(factors, all));
    expect(cells.every(allowed)).toBe(true);
    expect(cells.length).toBeLessThan(all.length * 0.7);
    expect(cells.length).toBeGreaterThanOrEqual(30);
  });

  test("holds every pair of random factors, and repeats by its seed", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(6), (counts, seed, banned) => {
        const f = Object.fromEntries(counts.map((n, i) => [`f${i}`, Array.from({ length: n }, (_, v) => v)]));
        const ok = (cell: Cell<Factors>) =>
          banned === 0 || Object.values(cell).reduce<number>((s, v) => s + Number(v), 0) % banned !== 1;
        const cells = allPairs(f, { seed, allowed: ok });
        expect(pairs(f, cells)).toEqual(pairs(f, product(f, ok)));
        expect(cells.every(ok)).toBe(true);
        expect(allPairs(f, { seed, allowed: ok })).toEqual(cells);
      }),
      { numRuns: 60 },
    );
  });
});

describe("assignCells", () => {
  const queries = Array.from({ length: 200 }, (_, i) => `q${i}`);
  const pinned = { partitioning: awkwardPartitionings[1]!, engine: "duckdb", executors: 3 } as const;

  test("gives each query its own cell and the pinned one, and uses all cells", () => {
    const assigned = assignCells(queries, factors, { seed: 7, allowed, pinned });
    expect(assigned.map((a) => a.query)).toEqual(queries);
    const used = new Set<unknown>();
    for (const { cells } of assigned) {
      expect(cells.length === 2 || cells.length === 1).toBe(true);
      expect(cells).toContainEqual(pinned);
      used.add(cells[0]);
    }
    expect(used.size).toBe(allPairs(factors, { seed: 7, allowed }).length);
  });

  test("gives each query the product when asked", () => {
    const assigned = assignCells(queries, factors, { seed: 7, allowed, pinned, full: true });
    expect(assigned.every((a) => a.cells.length === 57)).toBe(true);
  });
});
