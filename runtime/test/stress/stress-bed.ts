import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { openDatabase } from "../../src/adapters/duckdb/database.ts";
import { engineSettings } from "../../src/adapters/duckdb/engine-settings.ts";
import { installPartitionMacros } from "../../src/adapters/duckdb/partition-macros.ts";
import { builtInAccelerators } from "../../src/adapters/engine/registry.ts";
import { FairQueue } from "../../src/adapters/exchange/fair-queue.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { localSecrets, openDatasetSource } from "../../src/bin/sources.ts";
import type { App } from "../../src/core/app/app.ts";
import { ExecutorPartitionStore } from "../../src/executor/storage/partition-store.ts";
import type { TableMeans } from "../../src/executor/table-holder-of.ts";
import { Log } from "../../src/observe/log.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Database } from "../../src/ports/database.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";
import { type S3TestServer, startS3Server } from "../support/s3-server.ts";

/** Partitions of every source. */
export const partitions = ["a", "b", "c", "d"] as const;

/** A table of some server or directory that several datasets read. */
export interface SharedSource {
  readonly from: string;
  readonly params: Readonly<Record<string, string>>;
  /** Rows of each partition; another number in every source, so that rows of another one are noticed. */
  readonly rows: number;
}

/** An executor's engine without the executor: one database, and what table holders need. */
export interface StressBed {
  readonly database: Database;
  readonly dataDir: string;
  readonly sources: readonly SharedSource[];
  readonly store: ExecutorPartitionStore;
  /** Lines of the log from `warn` on. */
  readonly lines: readonly string[];
  means(app: () => App): TableMeans;
  close(): Promise<void>;
}

/** Graces, back-offs and the reaper's pauses pass this many times faster. */
const speed = 25;
const clock: Clock = {
  wallMs: () => systemClock.wallMs(),
  monotonicMs: () => systemClock.monotonicMs() * speed,
  sleep: (ms, signal) => systemClock.sleep(ms / speed, signal),
};

export async function openStressBed(random: () => number): Promise<StressBed> {
  const directory = await mkdtemp(join(tmpdir(), "stress-"));
  let s3: S3TestServer | undefined;
  let postgres: PostgresServer | undefined;
  let database: Database | undefined;
  const close = async () => {
    await database?.close();
    await s3?.stop();
    await postgres?.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    s3 = await startS3Server();
    postgres = await startPostgres();
    database = await openDatabase({
      threads: 2,
      memoryLimit: "512MB",
      tempDirectory: join(directory, "spill"),
      settings: { ...engineSettings, preserve_insertion_order: "false" },
    });
    await installPartitionMacros(database);
    const sources = await makeSources(database, directory, s3, postgres);
    const lines: string[] = [];
    const log = new Log({
      levels: { base: "warn", modules: new Map() },
      destination: new Writable({
        write(chunk, _encoding, done) {
          lines.push(String(chunk));
          done();
        },
      }),
    }).module("executor");
    const store = new ExecutorPartitionStore();
    const dataDir = join(directory, "data");
    const { database: shared } = { database };
    return {
      database: shared,
      dataDir,
      sources,
      store,
      lines,
      means: (app) => ({
        database: shared,
        registry: builtInAccelerators(),
        dataDir,
        store,
        source: (table, signal) => openDatasetSource(table, shared, localSecrets(app()), () => {}, signal),
        clock,
        random: { next: random, uuid: () => "00000000-0000-4000-8000-000000000000" },
        log,
        metrics: new Metrics({ role: "executor", nodeId: "e" }),
        copies: {
          copier: {
            // biome-ignore lint/correctness/useYield: nobody is asked for a copy
            async *copy() {
              throw new Error("Nothing is copied here");
            },
          },
          spools: {
            open: async () => {
              throw new Error("Nothing is copied here");
            },
          },
          queue: new FairQueue({ concurrent: 2, waiting: 100 }),
        },
        mayWrite: () => true,
        report: () => {},
        reportTable: () => {},
      }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Two objects' folders of one bucket, two tables of one server, one directory. */
async function makeSources(
  database: Database,
  directory: string,
  s3: S3TestServer,
  postgres: PostgresServer,
): Promise<SharedSource[]> {
  const sql = (rows: number) =>
    `SELECT range // 4 AS id, substr('abcd', (range % 4 + 1)::INT, 1) AS part FROM range(${4 * rows})`;
  const client = new S3Client({
    region: "us-east-1",
    endpoint: s3.endpoint,
    forcePathStyle: true,
    credentials: { accessKeyId: s3.accessKey, secretAccessKey: s3.secretKey },
  });
  const sources: SharedSource[] = [];
  for (const [name, rows] of [
    ["one", 100],
    ["two", 210],
  ] as const) {
    const file = join(directory, `${name}.parquet`);
    await database.run(`COPY (${sql(rows)}) TO '${file}' (FORMAT parquet)`);
    const Body = await readFile(file);
    await client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: `${name}/rows.parquet`, Body }));
    sources.push({ from: `s3://${s3.bucket}/${name}/`, params: s3.params, rows });
    await rm(file);
  }
  client.destroy();
  for (const [name, rows] of [
    ["red", 320],
    ["blue", 430],
  ] as const) {
    postgres.sql(
      `CREATE TABLE ${name} AS SELECT i / 4 AS id, substr('abcd', i % 4 + 1, 1) AS part FROM generate_series(0, ${4 * rows - 1}) s(i)`,
    );
    sources.push({ from: `postgres:public.${name}`, params: postgres.parameters, rows });
  }
  const file = join(directory, "local.parquet");
  await database.run(`COPY (${sql(540)}) TO '${file}' (FORMAT parquet)`);
  sources.push({ from: `file:${file}`, params: {}, rows: 540 });
  return sources;
}
