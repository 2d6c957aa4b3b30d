/**
 * Growth: what more partitions per table, more tables and more executors cost. PARTITIONS, TABLES and EXECUTORS set the
 * curves; assignment over up to 1,000 executors is the bench `assignment`, requests at rest are in `state`.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../runtime/src/adapters/duckdb/database.ts";
import type { TestCluster } from "../runtime/test/support/cluster.ts";
import { type Figure, median } from "./figure.ts";
import { type BenchTable, benchCluster, timed } from "./support.ts";

const numbers = (name: string, fallback: string) => (process.env[name] ?? fallback).split(",").map(Number);

export async function run(): Promise<readonly Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), "bench-growth-"));
  const database = await openDatabase({ threads: 2 });
  const file = join(dir, "t.parquet");
  try {
    await database.run(
      `COPY (SELECT i AS id, i % 1000 AS g, i * 0.5 AS v FROM range(200000) r(i)) TO '${file}' (FORMAT parquet)`,
    );
    const figures: Figure[] = [];
    for (const partitions of numbers("PARTITIONS", "10,100,1000,10000")) {
      const table = { name: "t0", file, partitionBy: `bucket(${partitions}, id)` };
      figures.push(...(await measure(`${partitions} partitions, 1 table`, [table])));
    }
    for (const tables of numbers("TABLES", "10,100")) {
      const list = Array.from({ length: tables }, (_, i) => ({
        name: `t${i}`,
        file,
        partitionBy: "bucket(10, id)",
      }));
      figures.push(...(await measure(`10 partitions, ${tables} tables`, list)));
    }
    for (const executors of numbers("EXECUTORS", "1,10")) {
      const table = { name: "t0", file, partitionBy: "bucket(100, id)" };
      figures.push(...(await measure(`100 partitions, ${executors} executors`, [table], executors)));
    }
    return besideTheFirst(figures);
  } finally {
    await database.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Each figure with its like at the start of the curves as the baseline: the ratio is what growth costs. */
function besideTheFirst(figures: readonly Figure[]): Figure[] {
  const what = ({ name }: Figure) => name.slice(name.indexOf(":"));
  return figures.map((figure) => {
    const first = figures.find((other) => what(other) === what(figure));
    return first === undefined || first === figure ? figure : { ...figure, baseline: first.value };
  });
}

async function measure(label: string, tables: readonly BenchTable[], executors = 3): Promise<Figure[]> {
  const started = performance.now();
  const cluster = await benchCluster(tables, executors);
  try {
    const readyMs = performance.now() - started;
    const aggregate = await p50(cluster, () => "SELECT count(*) AS n, sum(v) AS s FROM t0");
    const point = await p50(cluster, (i) => `SELECT v FROM t0 WHERE id = ${i}`);
    const planning = await p50(cluster, (i) => `EXPLAIN SELECT g, sum(v) FROM t0 WHERE id > ${i} GROUP BY g`);
    const executor = Math.max(...(await Promise.all(cluster.executors.map((p) => p.residentBytes()))));
    return [
      { name: `${label}: start to ready`, value: readyMs, unit: "ms" },
      { name: `${label}: aggregate, p50`, value: aggregate, unit: "ms" },
      { name: `${label}: point query, p50`, value: point, unit: "ms" },
      { name: `${label}: plan and explain, p50`, value: planning, unit: "ms" },
      {
        name: `${label}: scheduler memory`,
        value: (await cluster.schedulers[0]!.residentBytes()) / 2 ** 20,
        unit: "MiB",
      },
      { name: `${label}: largest executor memory`, value: executor / 2 ** 20, unit: "MiB" },
      {
        name: `${label}: cluster.json`,
        value: statSync(join(cluster.dir, "state", "cluster.json")).size,
        unit: "B",
      },
    ];
  } finally {
    await cluster.stop();
  }
}

async function p50(cluster: TestCluster, sql: (i: number) => string): Promise<number> {
  const times: number[] = [];
  for (let i = -5; i < 30; i++) {
    const elapsed = await timed(cluster, sql(i + 10));
    if (i >= 0) times.push(elapsed);
  }
  return median(times);
}
