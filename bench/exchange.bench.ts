/**
 * Ways to move a fragment's result from an executor (another process, one thread) into this one.
 *
 * `EXCHANGE_ROWS` sets the size of the large result (default 5,000,000 rows of 5 columns). The `quack` extension takes
 * part when `QUACK_EXTENSIONS` names the files of `httpfs` and `quack` with a colon between (PyPI `duckdb-extension-*`).
 */

import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tableFromArrays, tableToIPC } from "apache-arrow";
import { openDatabase } from "../runtime/src/adapters/duckdb/database.ts";
import type { GrpcExchange } from "../runtime/src/adapters/exchange/grpc/grpc-client.ts";
import { collect } from "../runtime/src/adapters/exchange/testing/collect.ts";
import { fragment, readAll, TestExecutor } from "../runtime/src/adapters/exchange/testing/executor.ts";
import { RemoteExecutor } from "../runtime/src/adapters/exchange/testing/remote-executor.ts";
import { fileSpool } from "../runtime/src/adapters/spool/file-spool.ts";
import { mtlsChannelCredentials } from "../runtime/src/adapters/tls/grpc-credentials.ts";
import { CertificateSource } from "../runtime/src/adapters/tls/node-certificates.ts";
import { TestCa } from "../runtime/src/adapters/tls/testing/certificates.ts";
import { type Figure, interleaved, median } from "./figure.ts";

const rows = Number(process.env["EXCHANGE_ROWS"] ?? 5_000_000);
const never = new AbortController().signal;
const table = (count: number) =>
  `SELECT i::INTEGER AS a, (i * 7919 % 1000003)::INTEGER AS b, i * 0.37::DOUBLE AS d, 'c' || (i % 1000) AS s,
   'payload-' || lpad(i::VARCHAR, 12, '0') || '-abcdefghijklmnopqrs' AS l FROM range(${count}) r(i)`;
const columns: [string, string][] = [
  ["a", "INTEGER"],
  ["b", "INTEGER"],
  ["d", "DOUBLE"],
  ["s", "VARCHAR"],
  ["l", "VARCHAR"],
];
const large = fragment("SELECT * FROM t", columns);
const oneRow = fragment("SELECT * FROM t WHERE a = 5", columns);

export async function run(): Promise<readonly Figure[]> {
  const directory = await mkdtemp(join(tmpdir(), "bench-exchange-"));
  const memory = await mkdtemp("/dev/shm/bench-exchange-");
  const ca = new TestCa("Bench");
  const log = { info: () => undefined, warn: console.error };
  const files = ca.leaf(join(directory, "node"), { commonName: "node" });
  const source = await CertificateSource.open(files, { log });
  const select = table(rows);
  const plainNode = await RemoteExecutor.start({ select });
  const secureNode = await RemoteExecutor.start({ select, certificates: files });
  const local = await TestExecutor.start({ threads: 1, directory: join(memory, "frames") });
  const zstd = await TestExecutor.start({ threads: 1, directory: join(memory, "zstd"), compression: "zstd" });
  const receiver = await openDatabase({ threads: 1, memoryLimit: "2GB" });
  const spools = fileSpool({ directory: join(memory, "spool"), maxBytes: 4 * 2 ** 30 });
  const plain = plainNode.exchange();
  const secure = secureNode.exchange(mtlsChannelCredentials(source, ["executor"], log));
  const quack = await quackPair(process.env["QUACK_EXTENSIONS"], select);
  try {
    await local.add("t", "a", select);
    await zstd.add("t", "a", select);
    const spooled = async (exchange: GrpcExchange) => {
      const spool = await spools.open("q");
      try {
        const { sql } = await collect(spool, exchange.run("e", large, never), large.columns);
        await receiver.rows(`SELECT sum(a), sum(d), max(s), max(l) FROM ${sql}`);
      } finally {
        await spool.close();
      }
    };
    let bytes = 0;
    let zstdBytes = 0;
    const big = await interleaved(
      {
        copy: () =>
          local.database.run(`COPY "t/a" TO '${memory}/t.parquet' (FORMAT parquet, COMPRESSION lz4_raw)`),
        "tmpfs file": async () => {
          await local.database.run(
            `COPY "t/a" TO '${memory}/t.parquet' (FORMAT parquet, COMPRESSION lz4_raw)`,
          );
          await receiver.rows(
            `SELECT sum(a), sum(d), max(s), max(l) FROM read_parquet('${memory}/t.parquet')`,
          );
        },
        "runner, lz4_raw": async () => {
          bytes = size(await readAll(local.runner.run(large, never)));
        },
        "runner, zstd 1": async () => {
          zstdBytes = size(await readAll(zstd.runner.run(large, never)));
        },
        "gRPC plain": () => spooled(plain),
        "gRPC mTLS": () => spooled(secure),
        ...(quack === undefined
          ? {}
          : { quack: () => quack.query("SELECT sum(a), sum(d), max(s), max(l) FROM", "SELECT * FROM t") }),
      },
      3,
    );
    const arrowRows = Math.min(rows, 200_000);
    const arrow = await interleaved({ js: () => arrowInJavaScript(local, arrowRows) }, 3);
    const point: Record<string, () => Promise<unknown>> = {
      direct: () =>
        local.database.run(
          `COPY (${oneRow.sql.replace(" t ", ' "t/a" ')}) TO '${memory}/1.parquet' (FORMAT parquet)`,
        ),
      "in process": () => readAll(local.runner.run(oneRow, never)),
      "gRPC plain": () => readAll(plain.run("e", oneRow, never)),
      "gRPC mTLS": () => readAll(secure.run("e", oneRow, never)),
      ...(quack === undefined ? {} : { quack: () => quack.query("FROM", oneRow.sql) }),
    };
    const small = await interleaved(point, 301);
    const rate = (ms: number, count = rows) => count / ms / 1000;
    return [
      ...Object.entries(big).map(([name, ms]) => ({
        name: `${rows / 1e6} M rows, ${name}`,
        value: rate(ms),
        unit: "M rows/s",
        baseline: rate(big["copy"]!),
      })),
      {
        name: "Arrow made in JavaScript",
        value: rate(arrow["js"]!, arrowRows),
        unit: "M rows/s",
        baseline: rate(big["copy"]!),
      },
      { name: "frames, lz4_raw", value: bytes / 1e6, unit: "MB" },
      { name: "frames, zstd 1", value: zstdBytes / 1e6, unit: "MB" },
      { name: "gRPC mTLS with spooling and reading", value: bytes / 1e3 / big["gRPC mTLS"]!, unit: "MB/s" },
      ...Object.entries(small).map(([name, ms]) => ({
        name: `1 row, ${name}`,
        value: ms,
        unit: "ms",
        baseline: small["direct"]!,
      })),
      { name: "bytes on a stream, plain", value: await streamRate(plain), unit: "MB/s" },
      { name: "bytes on a stream, mTLS", value: await streamRate(secure), unit: "MB/s" },
    ];
  } finally {
    await quack?.close();
    plain.close();
    secure.close();
    source.close();
    ca.close();
    await Promise.all([plainNode.stop(), secureNode.stop(), local.stop(), zstd.stop()]);
    await receiver.close();
    await rm(directory, { recursive: true, force: true });
    await rm(memory, { recursive: true, force: true });
  }
}

/** MB/s of frames that are only received. */
async function streamRate(exchange: GrpcExchange): Promise<number> {
  const rates: number[] = [];
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    let bytes = 0;
    for await (const frame of exchange.run("e", large, never).frames) bytes += frame.byteLength;
    rates.push(bytes / 1e3 / (performance.now() - start));
  }
  return median(rates);
}

async function arrowInJavaScript(executor: TestExecutor, count: number): Promise<number> {
  return await executor.database.withConnection(async (connection) => {
    const stream = await connection.stream(`SELECT * FROM "t/a" LIMIT ${count}`);
    let bytes = 0;
    for await (const chunk of stream.chunks) {
      const arrays = Object.fromEntries(
        stream.columns.map(({ name }, i) => [name, [...chunk.getColumnValues(i)]]),
      );
      bytes += tableToIPC(tableFromArrays(arrays)).byteLength;
    }
    return bytes;
  });
}

async function quackPair(files: string | undefined, select: string) {
  if (files === undefined) return undefined;
  const extensions = files.split(":");
  const server = await openDatabase({ threads: 1, extensions });
  const client = await openDatabase({ threads: 1, extensions });
  const port = await freePort();
  const address = `quack:localhost:${port}`;
  await server.run(`CREATE TABLE t AS ${select}`);
  await server.rows(`CALL quack_serve('${address}', token := 'benchmark', disable_ssl := true)`);
  return {
    query: (outer: string, sql: string) =>
      client.rows(`${outer} quack_query('${address}', '${sql}', token := 'benchmark', disable_ssl := true)`),
    close: async () => {
      await client.close();
      await server.rows(`CALL quack_stop('${address}')`);
      await server.close();
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

function size(frames: readonly Uint8Array[]): number {
  return frames.reduce((sum, frame) => sum + frame.byteLength, 0);
}
