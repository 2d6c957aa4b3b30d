/** B3 and B4: a pruned point query, and a small aggregate over 12, 100 and 1,000 partitions per executor. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../runtime/src/adapters/duckdb/database.ts";
import { type Figure, median } from "./figure.ts";
import { benchCluster, timed } from "./support.ts";

const rounds = Number(process.env["ROUNDS"] ?? 200);

export async function run(): Promise<readonly Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), "bench-latency-"));
  const one = await openDatabase({ threads: 2 });
  const figures: Figure[] = [];
  try {
    await one.run(
      "CREATE TABLE t AS SELECT i AS id, i * 7919 % 1000003 AS b, (i * 0.37)::DOUBLE AS d, 'c' || i % 1000 AS s FROM range(1000000) r(i)",
    );
    await one.run(`COPY t TO '${join(dir, "t.parquet")}' (FORMAT parquet)`);
    for (const perExecutor of (process.env["PARTITIONS"] ?? "12,100,1000").split(",").map(Number)) {
      const cluster = await benchCluster([
        { name: "t", file: join(dir, "t.parquet"), partitionBy: `bucket(${perExecutor * 3 - 1}, id)` },
      ]);
      try {
        const measure = async (sql: (i: number) => string) => {
          const ours: number[] = [];
          const theirs: number[] = [];
          for (let i = -20; i < rounds; i++) {
            const start = performance.now();
            await one.rows(sql(i));
            if (i >= 0) theirs.push(performance.now() - start);
            const elapsed = await timed(cluster, sql(i));
            if (i >= 0) ours.push(elapsed);
          }
          return { value: median(ours), baseline: median(theirs), unit: "ms" };
        };
        const key = (i: number) => ((i + 1000) * 7919) % 1_000_000;
        figures.push({
          name: `point query, ${perExecutor} partitions per executor, p50`,
          ...(await measure((i) => `SELECT id, b, d, s FROM t WHERE id = ${key(i)}`)),
        });
        figures.push({
          name: `point query, same key, ${perExecutor} partitions per executor, p50`,
          ...(await measure(() => `SELECT id, b, d, s FROM t WHERE id = ${key(0)}`)),
        });
        figures.push({
          name: `aggregate, ${perExecutor} partitions per executor, p50`,
          ...(await measure(() => "SELECT count(*) AS n, sum(b) AS s, max(d) AS m FROM t")),
        });
        figures.push({
          name: `aggregate, new literal, ${perExecutor} partitions per executor, p50`,
          ...(await measure(
            (i) => `SELECT count(*) AS n, sum(b) AS s, max(d) AS m FROM t WHERE b > ${i + 50}`,
          )),
        });
        figures.push(...(await throughput(cluster, perExecutor)));
        figures.push(await executorsAsked(cluster, perExecutor, key));
      } finally {
        await cluster.stop();
      }
    }
  } finally {
    await one.close();
    rmSync(dir, { recursive: true, force: true });
  }
  return figures;
}

async function throughput(
  cluster: Awaited<ReturnType<typeof benchCluster>>,
  perExecutor: number,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const clients of [1, 16, 64]) {
    const until = performance.now() + 3_000;
    let done = 0;
    await Promise.all(
      Array.from({ length: clients }, async () => {
        while (performance.now() < until) {
          await timed(cluster, "SELECT count(*) AS n, sum(b) AS s FROM t");
          done += 1;
        }
      }),
    );
    figures.push({
      name: `aggregates per second, ${perExecutor} partitions per executor, ${clients} clients`,
      value: done / 3,
      unit: "1/s",
    });
  }
  return figures;
}

async function executorsAsked(
  cluster: Awaited<ReturnType<typeof benchCluster>>,
  perExecutor: number,
  key: (i: number) => number,
): Promise<Figure> {
  let most = 0;
  const keys = Number(process.env["KEYS"] ?? 1_000);
  for (let i = 0; i < keys; i++) {
    const response = await fetch(`${await cluster.http()}/v1/sql`, {
      method: "POST",
      body: `SELECT count(*) AS n FROM t WHERE id = ${key(i)}`,
    });
    await response.text();
    most = Math.max(most, response.headers.get("x-spice-executors")?.split(",").length ?? 0);
  }
  return {
    name: `executors asked at most, ${keys} keys, ${perExecutor} per executor`,
    value: most,
    unit: "",
  };
}
