/** B5, B6 and B7: a large result as an Arrow stream, bytes that reach the scheduler, many groups off the key. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../runtime/src/adapters/duckdb/database.ts";
import { type Figure, median } from "./figure.ts";
import { benchCluster, schedulerPeak, timed } from "./support.ts";

const rows = Number(process.env["ROWS"] ?? 10_000_000);

export async function run(): Promise<readonly Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), "bench-results-"));
  const one = await openDatabase({ threads: 2 });
  try {
    await one.run(
      `CREATE TABLE t AS SELECT i::INT AS a, (i * 7919 % 1000003)::INT AS b, (i * 0.37)::DOUBLE AS d, 'c' || (i % 1000) AS s, 'payload-' || lpad(i::VARCHAR, 12, '0') AS l FROM range(${rows}) r(i)`,
    );
    await one.run(`COPY t TO '${join(dir, "t.parquet")}' (FORMAT parquet)`);
    const cluster = await benchCluster([
      { name: "t", file: join(dir, "t.parquet"), partitionBy: "bucket(12, a)" },
    ]);
    try {
      const figures: Figure[] = [];
      const compare = async (
        name: string,
        aim: string,
        sql: string,
        theirs: string,
        accept?: string,
        rounds = 5,
      ) => {
        const [ours, base]: [number[], number[]] = [[], []];
        const nodes = [...cluster.schedulers, ...cluster.executors];
        let spent = 0;
        for (let round = -1; round < rounds; round++) {
          const start = performance.now();
          await one.run(theirs);
          if (round >= 0) base.push(performance.now() - start);
          const before = processorSeconds(nodes);
          const elapsed = await timed(cluster, sql, accept);
          if (round < 0) continue;
          ours.push(elapsed);
          spent += processorSeconds(nodes) - before;
        }
        figures.push({ name, value: median(ours), unit: "ms", baseline: median(base), aim });
        figures.push({
          name: `${name.slice(0, 2)} processor time of all nodes: ${name.slice(3)}`,
          value: (spent / rounds) * 1000,
          unit: "ms",
        });
      };
      await compare(
        `B5 ${rows} rows as Arrow stream (baseline: COPY to lz4 Parquet)`,
        "ratio ≤ 2",
        "SELECT * FROM t",
        `COPY t TO '${join(dir, "out.parquet")}' (FORMAT parquet, COMPRESSION lz4_raw)`,
        "application/vnd.apache.arrow.stream",
        3,
      );
      const groups = "SELECT b, count(*) AS n, sum(d) AS s FROM t GROUP BY b ORDER BY n DESC, b LIMIT 10";
      await compare("B7 1,000,003 groups off the key", "ratio ≤ 1.5", groups, groups);
      const sparse = "SELECT l, count(*) AS n FROM t GROUP BY l ORDER BY n DESC, l LIMIT 10";
      await compare("B7 as many groups as rows, off the key", "ratio ≤ 1.5", sparse, sparse);
      for (const [name, sql, limit] of [
        ["10 groups", "SELECT a % 10 AS g, sum(d) AS s, count(*) AS n FROM t GROUP BY g", 10 * 24 * 3],
        ["1,000 groups of text", "SELECT s, sum(d) AS v FROM t GROUP BY s", 1_000 * 16 * 3],
        ["top 100", "SELECT a, d FROM t ORDER BY d DESC LIMIT 100", 100 * 12 * 3],
      ] as const) {
        figures.push({
          name: `B6 bytes to the scheduler, ${name} (baseline: rows × width × executors)`,
          value: await fetched(cluster, sql),
          unit: "B",
          baseline: limit,
          aim: "ratio ≤ 2",
        });
      }
      figures.push(await schedulerPeak(cluster, "during B5 to B7"));
      return figures;
    } finally {
      await cluster.stop();
    }
  } finally {
    await one.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function fetched(cluster: Awaited<ReturnType<typeof benchCluster>>, sql: string): Promise<number> {
  const metric = async () => {
    const text = await cluster.metrics(cluster.schedulers[0]!);
    return Number(/^scheduler_result_fetch_bytes(?:\{[^}]*\})? (\S+)/m.exec(text)?.[1] ?? Number.NaN);
  };
  const before = await metric();
  await timed(cluster, sql);
  return (await metric()) - before;
}

/** What processes have used so far: says more than milliseconds on a machine that others use. */
function processorSeconds(processes: readonly { readonly pid: number }[]): number {
  let ticks = 0;
  for (const { pid } of processes) {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold anything; user and system time are the 12th and 13th field after it.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / 100;
}
