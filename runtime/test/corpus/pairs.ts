import { Rng } from "./generator/rng.ts";

/** Named factors with their values, e.g. `{ engine: ["arrow", "duckdb"], executors: [1, 3, 5] }`. */
export type Factors = Readonly<Record<string, readonly unknown[]>>;

/** One value of each factor. */
export type Cell<F extends Factors> = { readonly [K in keyof F]: F[K][number] };

export interface PairsOptions<F extends Factors> {
  readonly seed: number;
  /** Combinations that cannot be run. A pair that no allowed cell holds is left out. */
  readonly allowed?: (cell: Cell<F>) => boolean;
}

/** All allowed cells. */
export function product<F extends Factors>(
  factors: F,
  allowed: (cell: Cell<F>) => boolean = () => true,
): Cell<F>[] {
  const names = Object.keys(factors);
  const cells = names.reduce<Record<string, unknown>[]>(
    (rows, name) => rows.flatMap((row) => factors[name]!.map((value) => ({ ...row, [name]: value }))),
    [{}],
  );
  return (cells as Cell<F>[]).filter(allowed);
}

/**
 * Few cells that together hold every pair of values of two factors at least once (as far as cells are allowed): greedily
 * the cell with most new pairs, ties broken by the seed.
 */
export function allPairs<F extends Factors>(factors: F, options: PairsOptions<F>): Cell<F>[] {
  const candidates = shuffled(product(factors, options.allowed), options.seed);
  const pairs = new Map(candidates.map((cell) => [cell, pairsOf(factors, cell)]));
  const open = new Set([...pairs.values()].flat());
  const chosen: Cell<F>[] = [];
  while (open.size > 0) {
    const gain = (cell: Cell<F>) => pairs.get(cell)!.filter((pair) => open.has(pair)).length;
    let best = candidates[0]!;
    let most = -1;
    for (const cell of candidates) {
      const found = gain(cell);
      if (found > most) [best, most] = [cell, found];
    }
    chosen.push(best);
    for (const pair of pairs.get(best)!) open.delete(pair);
  }
  return chosen;
}

export interface AssignOptions<F extends Factors> extends PairsOptions<F> {
  /** The cell that every query runs in besides its own. */
  readonly pinned: Cell<F>;
  /** Every query in every allowed cell, as `FULL=1` asks. */
  readonly full?: boolean;
}

/**
 * The cells that each query runs in (spec chapter 11): one of the all-pairs array, dealt so that all cells are used
 * alike, and the pinned one. Same queries, factors and seed: same cells.
 */
export function assignCells<Q, F extends Factors>(
  queries: readonly Q[],
  factors: F,
  options: AssignOptions<F>,
): { readonly query: Q; readonly cells: readonly Cell<F>[] }[] {
  if (options.full === true) {
    const cells = product(factors, options.allowed);
    return queries.map((query) => ({ query, cells }));
  }
  const array = allPairs(factors, options);
  const same = (a: Cell<F>, b: Cell<F>) => Object.keys(factors).every((name) => a[name] === b[name]);
  return queries.map((query, i) => {
    const own = array[i % array.length]!;
    return { query, cells: same(own, options.pinned) ? [own] : [own, options.pinned] };
  });
}

function pairsOf<F extends Factors>(factors: F, cell: Cell<F>): string[] {
  const at = Object.keys(factors).map((name) => `${name}=${factors[name]!.indexOf(cell[name])}`);
  // A single factor has no pairs, but each of its values is to be used.
  return at.length === 1 ? at : at.flatMap((a, i) => at.slice(i + 1).map((b) => `${a}&${b}`));
}

function shuffled<T>(items: readonly T[], seed: number): T[] {
  const rng = new Rng(seed);
  return rng.shuffle(items);
}
