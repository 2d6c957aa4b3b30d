/**
 * B9 and B10 (spec chapter 11) for one executor in this process, by engine: what a refresh costs against one
 * `CREATE TABLE AS`, against `COPY TO STDOUT` of PostgreSQL, and with 100 partitions against one. The sides run
 * interleaved. With three executors: the bench `cluster-refresh`.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { openDatabase } from "../runtime/src/adapters/duckdb/database.ts";
import { builtInAccelerators } from "../runtime/src/adapters/engine/registry.ts";
import { openSource } from "../runtime/src/adapters/source/registry.ts";
import { systemClock } from "../runtime/src/adapters/system/clock.ts";
import type { DatasetConfig } from "../runtime/src/executor/storage/dataset-config.ts";
import { openDataset } from "../runtime/src/executor/storage/open-dataset.ts";
import type { Database } from "../runtime/src/ports/database.ts";
import { extensionFiles } from "../runtime/test/support/duckdb-extensions.ts";
import { type PostgresServer, startPostgres } from "../runtime/test/support/postgres-server.ts";
import { type Figure, median } from "./figure.ts";

const rows = Number(process.env["BENCH_ROWS"] ?? 5_000_000);
const repeats = Number(process.env["BENCH_REPEATS"] ?? 7);

/** Until the checkpoints that follow a refresh were done, by engine and partitions. */
const settledMs = new Map<string, number[]>();

interface Engine {
  readonly label: string;
  readonly config: Pick<DatasetConfig, "engine" | "mode" | "parameters">;
  /** Where the baseline's table goes: the same kind of storage. */
  readonly target: "memory" | "file";
}

const engines: readonly Engine[] = [
  { label: "arrow", config: { engine: "arrow", mode: "memory", parameters: {} }, target: "memory" },
  { label: "duckdb files", config: { engine: "duckdb", mode: "file", parameters: {} }, target: "file" },
  {
    label: "duckdb tables",
    config: { engine: "duckdb", mode: "file", parameters: { partition_mode: "tables" } },
    target: "file",
  },
];

/** Needs DuckDB's extensions and the PostgreSQL binaries, as the engine tier does. */
export async function run(): Promise<readonly Figure[]> {
  const directory = await mkdtemp(join(tmpdir(), "bench-refresh-"));
  const database = await openDatabase({
    threads: 2,
    memoryLimit: "4GB",
    tempDirectory: join(directory, "tmp"),
    extensions: process.env["TEST_POSTGRES_BIN"] === undefined ? [] : extensionFiles("postgres_scanner"),
    settings: { preserve_insertion_order: "false" },
  });
  try {
    console.log(`refresh of ${rows} rows, ${repeats} repeats, load ${loadavg()[0]!.toFixed(2)}, 2 threads`);
    const source = join(directory, "source.parquet");
    await database.run(
      `COPY (SELECT i AS id, (i * 7919) % 100 AS region, (hash(i) % 100000)::DOUBLE / 7 AS price,
         TIMESTAMP '2020-01-01' + INTERVAL (i % 1000000) SECOND AS at, 'customer ' || hash(i) % 50000 AS name,
         md5((i % 200000)::VARCHAR) AS token FROM range(${rows}) t(i)) TO '${source}' (FORMAT parquet, COMPRESSION zstd)`,
    );
    const figures: Figure[] = [];
    for (const engine of engines)
      figures.push(...(await measure(database, directory, engine, `file:${source}`)));
    if (process.env["TEST_POSTGRES_BIN"] !== undefined)
      figures.push(...(await fromPostgres(database, directory, source)));
    return figures;
  } finally {
    await database.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(
  database: Database,
  directory: string,
  engine: Engine,
  from: string,
): Promise<Figure[]> {
  const path = from.slice("file:".length);
  const baseline = await createTableAs(database, directory, engine.target, path);
  const sides: Record<string, () => Promise<number>> = { baseline };
  const counts = [1, 4, 12, 100];
  for (const count of counts)
    sides[`${count}`] = await refresher(database, directory, engine, from, {}, count);
  const times = await interleaved(sides);
  return counts.flatMap((count) => {
    const label = `${engine.label}, ${count} partitions`;
    const [ms, settled] = [times[`${count}`]!, median(settledMs.get(`${engine.label} ${count}`)!)];
    return [
      {
        name: `B9 in one process, ${label} (baseline: CREATE TABLE AS)`,
        value: ms,
        unit: "ms",
        baseline: times["baseline"]!,
        aim: "ratio ≤ 1.2",
      },
      { name: `${label}: until settled`, value: settled, unit: "ms" },
      ...(count === 100
        ? [
            {
              name: `B10 in one process, ${label} (baseline: 1 partition)`,
              value: ms,
              unit: "ms",
              baseline: times["1"]!,
              aim: "ratio ≤ 1.15",
            },
          ]
        : []),
    ];
  });
}

async function fromPostgres(database: Database, directory: string, parquet: string): Promise<Figure[]> {
  const server = await startPostgres();
  try {
    await loadPostgres(server, database, directory, parquet);
    const psql = promisify(execFile);
    const args = ["-h", "127.0.0.1", "-p", String(server.port), "-U", "spice", "-d", "postgres", "-c"];
    const copy = timed(async () => {
      const command = [join(process.env["TEST_POSTGRES_BIN"]!, "psql"), ...args, "COPY source TO STDOUT"];
      await psql("sh", ["-c", '"$@" > /dev/null', "sh", ...command]);
    });
    const engine = engines[0]!;
    const sides = {
      baseline: copy,
      "4": await refresher(database, directory, engine, "postgres:public.source", server.parameters, 4),
    };
    const times = await interleaved(sides);
    return [
      {
        name: "B9 in one process, arrow from PostgreSQL, 4 partitions (baseline: COPY TO STDOUT)",
        value: times["4"]!,
        unit: "ms",
        baseline: times["baseline"]!,
        aim: "ratio ≤ 1.3",
      },
    ];
  } finally {
    await server.stop();
  }
}

async function loadPostgres(server: PostgresServer, database: Database, directory: string, parquet: string) {
  server.sql(
    "CREATE TABLE source (id bigint, region bigint, price float8, at timestamp, name text, token text)",
  );
  const csv = join(directory, "source.csv");
  await database.run(`COPY (SELECT * FROM '${parquet}') TO '${csv}' (FORMAT csv, HEADER false)`);
  const psql = join(process.env["TEST_POSTGRES_BIN"]!, "psql");
  const args = ["-h", "127.0.0.1", "-p", String(server.port), "-U", "spice", "-d", "postgres"];
  await promisify(execFile)(psql, [
    ...args,
    "-c",
    `\\copy source FROM '${csv}' CSV`,
    "-c",
    "VACUUM ANALYZE source",
  ]);
  await rm(csv);
}

async function createTableAs(database: Database, directory: string, target: "memory" | "file", path: string) {
  let number = 0;
  if (target === "memory") await database.run("ATTACH IF NOT EXISTS ':memory:' AS baseline_memory");
  return async () => {
    const file = join(directory, `baseline-${++number}.duckdb`);
    const catalog = target === "memory" ? "baseline_memory" : `baseline_${number}`;
    if (target === "file") await database.run(`ATTACH '${file}' AS ${catalog}`);
    const ms = await timed(async () => {
      await database.run(`CREATE TABLE ${catalog}.t AS SELECT * FROM '${path}'`);
      if (target === "file") await database.run(`CHECKPOINT ${catalog}`);
    })();
    await database.run(target === "file" ? `DETACH ${catalog}` : `DROP TABLE ${catalog}.t`);
    await rm(file, { force: true });
    return ms;
  };
}

async function refresher(
  database: Database,
  directory: string,
  engine: Engine,
  from: string,
  parameters: Readonly<Record<string, string>>,
  count: number,
) {
  let number = 0;
  return async () => {
    const name = `b${engine.label.replaceAll(" ", "_")}_${count}_${from.slice(0, 4)}_${++number}`;
    const sql = `id % ${count}`;
    const table = await openDataset(
      {
        name,
        fullName: `spice.public.${name}`,
        ...engine.config,
        partitionBy: count === 1 ? [] : [{ name: "part", expression: sql, sql, plain: false }],
        unitPath: (values) => values.map((v) => `part=${v}`).join("/"),
        primaryKey: [],
        indexes: [],
        refreshMode: "full",
        refreshOnStartup: "auto",
      },
      {
        database,
        registry: builtInAccelerators(),
        source: await openSource(database, from, parameters),
        clock: systemClock,
        dataDir: join(directory, "data"),
      },
    );
    const values = Array.from({ length: count }, (_, i) => ({
      values: count === 1 ? [] : [String(i)],
      epoch: 1,
      role: "owner" as const,
    }));
    const signal = new AbortController().signal;
    const started = performance.now();
    await table.load(values, signal);
    const ms = performance.now() - started;
    await table.settled();
    settledMs.set(`${engine.label} ${count}`, [
      ...(settledMs.get(`${engine.label} ${count}`) ?? []),
      performance.now() - started,
    ]);
    const stored = table.partitions().reduce((sum, p) => sum + p.rows, 0);
    if (stored !== rows) throw new Error(`${name} has ${stored} rows instead of ${rows}`);
    await table.close();
    return ms;
  };
}

async function interleaved(
  sides: Readonly<Record<string, () => Promise<number>>>,
): Promise<Record<string, number>> {
  const times: Record<string, number[]> = {};
  for (let i = 0; i < repeats; i++) {
    for (const [name, side] of Object.entries(sides)) {
      times[name] ??= [];
      times[name].push(await side());
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

function timed(work: () => Promise<unknown>): () => Promise<number> {
  return async () => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };
}
