import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openDatabase } from "../../src/adapters/duckdb/database.ts";
import { TestCluster } from "../support/cluster.ts";

const full = process.env["FULL"] === "1";
const MiB = 1 << 20;
const memoryLimit = 256e6;
/** What a node needs beside its engine. */
const besides = 200e6;
/** As rows lie in memory: 20 times the limit in full, three times otherwise. */
const rows = full ? 40_000_000 : 6_000_000;
const slowSeconds = full ? 30 : 10;

describe("memory of an executor with a limit of 256 MB", () => {
  let dir: string;
  let cluster: TestCluster;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "spice-data-"));
    const database = await openDatabase({ threads: 2, memoryLimit: "1GB", tempDirectory: join(dir, "tmp") });
    try {
      await database.run(
        `COPY (SELECT i AS id, i % 1000 AS k, hash(i)::VARCHAR AS a, hash(i + 1)::VARCHAR || hash(i + 2)::VARCHAR AS b,
               hash(i + 3) / 7.0 AS x FROM range(${rows}) t(i))
         TO '${join(dir, "wide.parquet")}' (FORMAT parquet, COMPRESSION zstd)`,
      );
    } finally {
      await database.close();
    }
    cluster = await TestCluster.start({
      executors: 1,
      spicepod: `version: v1
kind: Spicepod
name: resources
runtime:
  scheduler:
    state_location: "STATE"
datasets:
  - from: file:${join(dir, "wide.parquet")}
    name: wide
    acceleration:
      engine: duckdb
      mode: file
      params: { duckdb_memory_limit: 256MB }
      partition_by: ["bucket(4, id)"]
`,
    });
    await cluster.ready(full ? 1_500_000 : 120_000);
  }, 1_700_000);

  afterAll(async () => {
    await cluster?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  test("loading a source of many times the limit stays within the limit and 200 MB", async () => {
    const [answer] = await cluster.sql(
      "SELECT count(*) AS n, min(id) AS lo, max(id) AS hi, count(DISTINCT k) AS d FROM wide",
    );
    expect(answer).toEqual({ n: rows, lo: 0, hi: rows - 1, d: 1000 });
    const peak = await cluster.executors[0]!.peakResidentBytes();
    expect(peak / MiB).toBeLessThan((memoryLimit + besides) / MiB);
  });

  test("a slow reader of a large result makes no node grow", async () => {
    const { hostname, port } = new URL(await cluster.http());
    const nodes = [cluster.schedulers[0]!, cluster.executors[0]!];
    // The same query, read for a moment at full speed: what it needs anyway is no growth.
    await readFor(hostname, port, 1_000, Number.POSITIVE_INFINITY);
    const before = await Promise.all(nodes.map((n) => n.residentBytes()));
    let most = before;
    const watching = new AbortController();
    const watch = (async () => {
      while (!watching.signal.aborted) {
        const now = await Promise.all(nodes.map((n) => n.residentBytes()));
        most = most.map((bytes, i) => Math.max(bytes, now[i]!));
        await delay(200);
      }
    })();
    const read = await readFor(hostname, port, slowSeconds * 1_000, MiB);
    watching.abort();
    await watch;
    expect(read).toBeGreaterThan((slowSeconds / 2) * MiB);
    const grown = most.map((bytes, i) => Math.round((bytes - before[i]!) / MiB));
    for (const megabytes of grown) expect(megabytes).toBeLessThan(64);
  }, 120_000);
});

/** Read the whole table for this long at this rate, then leave. Gives the bytes that arrived. */
async function readFor(host: string, port: string, ms: number, bytesPerSecond: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host,
        port,
        path: "/v1/sql",
        method: "POST",
        headers: { accept: "application/vnd.apache.arrow.stream" },
      },
      (response) => {
        if (response.statusCode !== 200) reject(new Error(`HTTP ${response.statusCode}`));
        const started = performance.now();
        let read = 0;
        const stop = setTimeout(() => {
          call.destroy();
          resolve(read);
        }, ms);
        response.on("data", (chunk: Buffer) => {
          read += chunk.length;
          const ahead = (read / bytesPerSecond) * 1_000 - (performance.now() - started);
          if (ahead > 0) {
            response.pause();
            setTimeout(() => response.resume(), Math.min(ahead, ms));
          }
        });
        response.on("end", () => {
          clearTimeout(stop);
          reject(new Error(`the result ended after ${read} bytes: it is too small for this test`));
        });
        response.on("error", () => undefined); // we left
      },
    );
    call.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "ECONNRESET") reject(error);
    });
    call.end("SELECT id, a, b, x FROM wide");
  });
}
