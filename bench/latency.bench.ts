/** B3 and B4: a pruned point query, and a small aggregate over 12, 100 and 1,000 partitions per executor. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../runtime/src/adapters/duckdb/database.ts";
import type { Database } from "../runtime/src/ports/database.ts";
import { type Figure, median } from "./figure.ts";
import { benchCluster, schedulerPeak, timed } from "./support.ts";

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
          name: `B3 point query, ${perExecutor} partitions per executor, p50`,
          aim: "ratio ≤ 2 and ≤ +2.5 ms",
          ...(await measure((i) => `SELECT id, b, d, s FROM t WHERE id = ${key(i)}`)),
        });
        figures.push({
          name: `B3 point query, same key, ${perExecutor} partitions per executor, p50`,
          ...(await measure(() => `SELECT id, b, d, s FROM t WHERE id = ${key(0)}`)),
        });
        figures.push({
          name: `B4 aggregate, ${perExecutor} partitions per executor, p50`,
          aim: "≤ 6 ms",
          ...(await measure(() => "SELECT count(*) AS n, sum(b) AS s, max(d) AS m FROM t")),
        });
        figures.push({
          name: `B4 aggregate, new literal, ${perExecutor} partitions per executor, p50`,
          ...(await measure(
            (i) => `SELECT count(*) AS n, sum(b) AS s, max(d) AS m FROM t WHERE b > ${i + 50}`,
          )),
        });
        figures.push(...(await throughput(cluster, one, perExecutor)));
        figures.push(await executorsAsked(cluster, perExecutor, key));
        figures.push(
          await schedulerPeak(cluster, `during B3 and B4, ${perExecutor} partitions per executor`),
        );
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
  one: Database,
  perExecutor: number,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  const sql = "SELECT count(*) AS n, sum(b) AS s FROM t";
  for (const clients of [1, 16, 64]) {
    figures.push({
      name: `B4 aggregates per second, ${perExecutor} partitions per executor, ${clients} clients`,
      value: await perSecond(clients, () => timed(cluster, sql)),
      unit: "1/s",
      baseline: await perSecond(clients, () => one.rows(sql)),
    });
  }
  return figures;
}

/** How often `clients` together get through `ask` in a second. */
async function perSecond(clients: number, ask: () => Promise<unknown>): Promise<number> {
  const until = performance.now() + 3_000;
  let done = 0;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (performance.now() < until) {
        await ask();
        done += 1;
      }
    }),
  );
  return done / 3;
}

async function executorsAsked(
  cluster: Awaited<ReturnType<typeof benchCluster>>,
  perExecutor: number,
  key: (i: number) => number,
): Promise<Figure> {
  let [most, next] = [0, 0];
  const keys = Number(process.env["KEYS"] ?? 10_000);
  const url = `${await cluster.http()}/v1/sql`;
  const ask = async () => {
    while (next < keys) {
      const body = `SELECT count(*) AS n FROM t WHERE id = ${key(next++)}`;
      const response = await fetch(url, { method: "POST", body });
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${body}: ${text}`);
      most = Math.max(most, response.headers.get("x-spice-executors")?.split(",").length ?? 0);
    }
  };
  await Promise.all([ask(), ask(), ask(), ask()]);
  return {
    name: `B3 executors asked at most, ${keys} keys, ${perExecutor} partitions per executor`,
    value: most,
    unit: "",
    aim: "1",
  };
}
