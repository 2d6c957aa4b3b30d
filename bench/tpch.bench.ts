/** B1: the 22 queries of TPC-H over three executors against one in-process DuckDB with two threads. */
import { join } from "node:path";
import { type Figure, median } from "./figure.ts";
import {
  baseline,
  benchCluster,
  schedulerPeak,
  timed,
  tpchData,
  tpchPartitions,
  tpchQueries,
} from "./support.ts";

export async function run(): Promise<readonly Figure[]> {
  const scale = Number(process.env["TPCH_SCALE"] ?? 1);
  const rounds = Number(process.env["ROUNDS"] ?? 7);
  const dir = await tpchData(scale);
  const names = Object.keys(tpchPartitions);
  const one = await baseline(dir, names);
  const cluster = await benchCluster(
    names.map((name) => ({
      name,
      file: join(dir, `${name}.parquet`),
      partitionBy: tpchPartitions[name]!,
    })),
  );
  try {
    const figures: Figure[] = [];
    for (const { nr, sql } of await tpchQueries()) {
      const ours: number[] = [];
      const theirs: number[] = [];
      for (let round = -1; round < rounds; round++) {
        const start = performance.now();
        await one.rows(sql);
        if (round >= 0) theirs.push(performance.now() - start);
        const elapsed = await timed(cluster, sql);
        if (round >= 0) ours.push(elapsed);
      }
      figures.push({ name: `B1 Q${nr}`, value: median(ours), unit: "ms", baseline: median(theirs) });
    }
    const ratios = figures.map((f) => f.value / f.baseline!);
    const total = (pick: (f: Figure) => number) => figures.reduce((sum, f) => sum + pick(f), 0);
    return [
      ...figures,
      {
        name: "B1 total",
        value: total((f) => f.value),
        unit: "ms",
        baseline: total((f) => f.baseline!),
        aim: "ratio ≤ 1.3",
      },
      {
        name: "B1 geometric mean of ratios",
        value: Math.exp(ratios.reduce((s, r) => s + Math.log(r), 0) / ratios.length),
        unit: "x",
        aim: "≤ 1.5",
      },
      { name: "B1 worst ratio", value: Math.max(...ratios), unit: "x", aim: "≤ 4" },
      await schedulerPeak(cluster, "during B1"),
    ];
  } finally {
    await cluster.stop();
    await one.close();
  }
}
