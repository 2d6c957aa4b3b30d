import type { Tier } from "../scripts/testbed/tiers.ts";

/** One measured figure, named after the benchmark that it belongs to (`B4 aggregate, …`); a baseline was measured in the same run, interleaved. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly baseline?: number;
  /** What the figure or its ratio should be, e.g. `ratio ≤ 1.3`. */
  readonly aim?: string;
}

/** What every `bench/{name}.bench.ts` exports. */
export interface Bench {
  /** The test tier whose servers it needs. Default `cluster`. */
  readonly tier?: Tier;
  run(): Promise<readonly Figure[]>;
}

/** Median of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Run the candidates interleaved, `rounds` times after one warm-up, and give the median milliseconds of each. */
export async function interleaved(
  candidates: Readonly<Record<string, () => Promise<unknown>>>,
  rounds = 7,
): Promise<Record<string, number>> {
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(candidates).map((n) => [n, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, work] of Object.entries(candidates)) {
      const start = performance.now();
      await work();
      if (round >= 0) times[name]!.push(performance.now() - start);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]));
}
