/**
 * B9 and B10: a refresh of all rows by three executors, from one Parquet file against one `CREATE TABLE AS`, from
 * PostgreSQL against `COPY TO STDOUT`, and with 100 partitions per executor against 1. The bench `refresh` has the same
 * for one executor in this process, by engine.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { openDatabase } from "../runtime/src/adapters/duckdb/database.ts";
import type { Database } from "../runtime/src/ports/database.ts";
import type { TestCluster } from "../runtime/test/support/cluster.ts";
import { type PostgresServer, startPostgres } from "../runtime/test/support/postgres-server.ts";
import { type Figure, median } from "./figure.ts";
import { benchCluster } from "./support.ts";

const rows = Number(process.env["REFRESH_ROWS"] ?? 5_000_000);
const rounds = Number(process.env["ROUNDS"] ?? 7);
const perExecutor = [1, 4, 100];
/** Checkpoints follow a refresh when its rows already serve; they shall not slow the side that is measured next. */
const restMs = 1_500;

export async function run(): Promise<readonly Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), "bench-cluster-refresh-"));
  const one = await openDatabase({ threads: 2, settings: { preserve_insertion_order: "false" } });
  try {
    const file = join(dir, "t.parquet");
    await one.run(
      `COPY (SELECT i AS id, (i * 7919) % 100 AS region, (hash(i) % 100000)::DOUBLE / 7 AS price,
         TIMESTAMP '2020-01-01' + INTERVAL (i % 1000000) SECOND AS at, 'customer ' || hash(i) % 50000 AS name
       FROM range(${rows}) t(i)) TO '${file}' (FORMAT parquet, COMPRESSION zstd)`,
    );
    return [...(await fromParquet(one, dir, file)), ...(await fromPostgres(one, dir, file))];
  } finally {
    await one.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function fromParquet(one: Database, dir: string, file: string): Promise<Figure[]> {
  const base: number[] = [];
  const ours = new Map<number, number[]>(perExecutor.map((count) => [count, []]));
  const clusters = new Map<number, TestCluster>();
  try {
    for (const count of perExecutor) {
      // Every third bucket is an executor's.
      const table = { name: "t", file, partitionBy: `bucket(${count * 3}, id)` };
      clusters.set(count, await benchCluster([table]));
    }
    for (let round = -1; round < rounds; round += 1) {
      const created = await milliseconds(() => createTableAs(one, dir, file));
      if (round >= 0) base.push(created);
      for (const [count, cluster] of clusters) {
        // A file that did not change is not read again.
        utimesSync(file, new Date(), new Date());
        const refreshed = await milliseconds(() => refresh(cluster));
        if (round >= 0) ours.get(count)!.push(refreshed);
        await delay(restMs);
      }
    }
  } finally {
    for (const cluster of clusters.values()) await cluster.stop();
  }
  const times = new Map([...ours].map(([count, values]) => [count, median(values)]));
  const rate = (ms: number) => rows / ms / 1_000;
  return [
    ...[...times].map(([count, ms]) => ({
      name: `B9 refresh from Parquet, ${count} partitions per executor (baseline: CREATE TABLE AS)`,
      value: ms,
      unit: "ms",
      baseline: median(base),
      aim: "ratio ≤ 1.2",
    })),
    { name: "B9 rows per second, 4 partitions per executor", value: rate(times.get(4)!), unit: "M/s" },
    {
      name: "B10 refresh with 100 partitions per executor (baseline: with 1)",
      value: times.get(100)!,
      unit: "ms",
      baseline: times.get(1)!,
      aim: "ratio ≤ 1.15",
    },
  ];
}

async function fromPostgres(one: Database, dir: string, file: string): Promise<Figure[]> {
  const bin = process.env["TEST_POSTGRES_BIN"];
  if (bin === undefined) return [];
  const server = await startPostgres();
  const psql = (...args: string[]) =>
    promisify(execFile)("sh", [
      "-c",
      '"$@" > /dev/null',
      "sh",
      join(bin, "psql"),
      ...connection(server),
      ...args,
    ]);
  let cluster: TestCluster | undefined;
  try {
    server.sql("CREATE TABLE t (id bigint, region bigint, price float8, at timestamp, name text)");
    const csv = join(dir, "t.csv");
    await one.run(`COPY (SELECT * FROM '${file}') TO '${csv}' (FORMAT csv, HEADER false)`);
    await psql("-c", `\\copy t FROM '${csv}' CSV`, "-c", "VACUUM ANALYZE t");
    rmSync(csv);
    const from = { from: "postgres:public.t", params: server.parameters };
    cluster = await benchCluster([{ name: "t", ...from, partitionBy: "bucket(12, id)" }]);
    const [ours, base]: [number[], number[]] = [[], []];
    for (let round = -1; round < rounds; round += 1) {
      const copied = await milliseconds(() => psql("-c", "COPY t TO STDOUT"));
      const refreshed = await milliseconds(() => refresh(cluster!));
      if (round >= 0) base.push(copied);
      if (round >= 0) ours.push(refreshed);
      await delay(restMs);
    }
    return [
      {
        name: "B9 refresh from PostgreSQL, 4 partitions per executor (baseline: COPY TO STDOUT)",
        value: median(ours),
        unit: "ms",
        baseline: median(base),
        aim: "ratio ≤ 1.3",
      },
    ];
  } finally {
    await cluster?.stop();
    await server.stop();
  }
}

function connection(server: PostgresServer): string[] {
  return ["-h", "127.0.0.1", "-p", String(server.port), "-U", "spice", "-d", "postgres"];
}

/** Refresh `t` and wait until every partition is in a newer version. */
async function refresh(cluster: TestCluster): Promise<void> {
  const versions = async () => {
    const all = await cluster.get<{ value: object; version: number }[]>("/v1/datasets/t/partitions");
    return new Map(all.map(({ value, version }) => [JSON.stringify(value), version]));
  };
  const before = await versions();
  const url = `${await cluster.http()}/v1/datasets/t/acceleration/refresh`;
  const response = await fetch(url, { method: "POST" });
  if (response.status !== 201) throw new Error(`refresh: HTTP ${response.status}: ${await response.text()}`);
  for (;;) {
    const now = await versions();
    if ([...now].every(([value, version]) => version > (before.get(value) ?? 0))) return;
    await delay(20);
  }
}

/** What one engine with two threads needs to store the rows durably. */
async function createTableAs(one: Database, dir: string, file: string): Promise<void> {
  const path = join(dir, "baseline.duckdb");
  rmSync(path, { force: true });
  await one.run(`ATTACH '${path}' AS baseline`);
  await one.run(`CREATE TABLE baseline.t AS SELECT * FROM '${file}'`);
  await one.run("CHECKPOINT baseline");
  await one.run("DETACH baseline");
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
