import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { openDatabase } from "../../adapters/duckdb/database.ts";
import { Log } from "../../observe/log.ts";
import { parseLogLevels } from "../../observe/log-level.ts";
import { Metrics } from "../../observe/metrics.ts";
import type { Database } from "../../ports/database.ts";
import { QueryUnavailableError } from "../../ports/query-service.ts";
import { DuckDbQueries } from "../testing/duckdb-queries.ts";
import { FixedNode } from "../testing/fixed-node.ts";
import { HttpServer } from "./server.ts";

const clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms: number, signal?: AbortSignal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
};

describe("HttpServer", () => {
  let database: Database;
  let queries: DuckDbQueries;
  let node: FixedNode;
  let server: HttpServer;
  let metrics: Metrics;
  let base: string;
  let port: number;

  beforeAll(async () => {
    database = await openDatabase({ threads: 2, memoryLimit: "512MB" });
  });
  afterAll(() => database.close());

  beforeEach(async () => {
    queries = new DuckDbQueries(database);
    node = new FixedNode();
    metrics = new Metrics({ role: "scheduler", nodeId: "n" });
    const logger = new Log({ levels: parseLogLevels("silent") }).module("http");
    server = new HttpServer({ queries, node, clock, logger, metrics, bodyLimit: 100_000 });
    ({ port } = await server.listen({ host: "127.0.0.1", port: 0 }));
    base = `http://127.0.0.1:${port}`;
  });
  afterEach(async () => {
    await server.close(0);
    metrics.close();
  });

  const post = (sql: string, headers: Record<string, string> = {}) =>
    fetch(`${base}/v1/sql`, {
      method: "POST",
      body: sql,
      headers: { "Content-Type": "text/plain", ...headers },
    });

  test("answers SQL as JSON, with how it was answered in the headers", async () => {
    const response = await post("SELECT 1 AS one, 9007199254740993 AS big, 1.50 AS d");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(Object.fromEntries([...response.headers].filter(([name]) => name.startsWith("x-spice")))).toEqual({
      "x-spice-query-id": "query-1",
      "x-spice-strategy": "push-down",
      "x-spice-executors": "exec-0:50052, exec-1:50052",
      "x-spice-partitions-read": "3",
      "x-spice-partitions-total": "12",
    });
    expect(await response.text()).toBe('[{"one":1,"big":"9007199254740993","d":1.50}]');
    expect(queries.open).toBe(0);
  });

  test("takes parameters, a byte order mark, other charsets and curl's content type", async () => {
    const json = JSON.stringify({
      sql: "SELECT $1 + 1 AS n, ? AS s".replace("?", "$2"),
      parameters: [41, "x"],
    });
    const byJson = await post(json, { "Content-Type": "application/json; charset=utf-8" });
    expect(await byJson.json()).toEqual([{ n: 42, s: "x" }]);
    const latin = await fetch(`${base}/v1/sql`, {
      method: "POST",
      body: Buffer.from("SELECT 'é' AS e", "latin1"),
      headers: { "Content-Type": "text/plain; charset=iso-8859-1" },
    });
    expect(await latin.json()).toEqual([{ e: "é" }]);
    const curl = await post("SELECT 1+1 AS n", { "Content-Type": "application/x-www-form-urlencoded" });
    expect(await curl.json()).toEqual([{ n: 2 }]);
  });

  test.each([
    ["SELEC 1", {}, 400, /syntax error[\s\S]*LINE 1: SELEC 1/],
    ["SELECT nope", {}, 400, /"nope" was not found[\s\S]*LINE 1: SELECT nope/],
    ["", {}, 400, /The SQL statement is empty/],
    ["{", { "Content-Type": "application/json" }, 400, /The body is not JSON/],
    [
      '{"sqll":"SELECT 1"}',
      { "Content-Type": "application/json" },
      400,
      /Unknown field "sqll". Did you mean "sql"\?/,
    ],
    ["<a/>", { "Content-Type": "application/xml" }, 415, /application\/xml is not supported/],
    ["x", { "Content-Type": "text/plain; charset=klingon" }, 415, /Charset klingon/],
    ["x", { "Content-Encoding": "br" }, 415, /Content-Encoding br/],
    [`SELECT '${"x".repeat(200_000)}'`, {}, 413, /limit of 100000 bytes/],
  ])("refuses %.20s %j with %d", async (body, headers, status, text) => {
    const response = await post(body, headers as Record<string, string>);
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await response.text()).toMatch(text);
  });

  test("refuses a body above the limit that does not announce its length", async () => {
    async function* endless() {
      for (let i = 0; i < 100; i++) yield Buffer.alloc(10_000, 32);
    }
    const response = await fetch(`${base}/v1/sql`, {
      method: "POST",
      body: ReadableStream.from(endless()),
      duplex: "half",
      headers: { "Content-Type": "text/plain" },
    } as RequestInit);
    expect(response.status).toBe(413);
  });

  test("says when to come back while no holder serves", async () => {
    queries.query = async () => {
      throw new QueryUnavailableError("Cannot execute query: 3 partition(s) not assigned to any executor");
    };
    const response = await post("SELECT 1");
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.text()).toBe("Cannot execute query: 3 partition(s) not assigned to any executor");
  });

  test("breaks the stream of a result that fails after its first rows", async () => {
    const failing =
      "SELECT CASE WHEN i < 2000000 THEN i ELSE error('late') END AS x FROM range(2000001) t(i)";
    for (const accept of ["application/json", "text/csv", "application/vnd.apache.arrow.stream"]) {
      const response = await post(failing, { Accept: accept });
      expect(response.status).toBe(200);
      await expect(response.arrayBuffer()).rejects.toThrow();
      expect(queries.open).toBe(0);
    }
    // An HTTP/1.0 client has no chunks to miss the last of: it must see a reset.
    const socket = connect(port, "127.0.0.1");
    const outcome = new Promise<string>((resolve) => {
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
      socket.on("end", () => resolve("clean end"));
    });
    socket.on("data", () => {});
    socket.write(`POST /v1/sql HTTP/1.0\r\nContent-Length: ${failing.length}\r\n\r\n${failing}`);
    expect(await outcome).toBe("ECONNRESET");
  });

  test("does not pull rows that a slow client has not read", async () => {
    const socket = connect(port, "127.0.0.1");
    const sql = "SELECT i, repeat('x', 100) AS s FROM range(5000000) t(i)";
    socket.pause();
    socket.write(`POST /v1/sql HTTP/1.1\r\nHost: n\r\nContent-Length: ${sql.length}\r\n\r\n${sql}`);
    let before = -1;
    for (let tries = 0; tries < 50 && (before < 1 || before !== queries.chunksPulled); tries++) {
      before = queries.chunksPulled;
      await sleep(200);
    }
    // The sockets' buffers hold a few megabytes; the whole result has 2442 chunks of some 250 kB.
    expect(queries.chunksPulled).toBeGreaterThan(0);
    expect(queries.chunksPulled).toBeLessThan(100);
    const pulled = queries.chunksPulled;
    socket.on("data", () => {});
    socket.resume();
    await sleep(300);
    expect(queries.chunksPulled).toBeGreaterThan(pulled);
    socket.destroy();
  });

  test("stops the query of a client that goes away", async () => {
    const client = new AbortController();
    const request = fetch(`${base}/v1/sql`, {
      method: "POST",
      body: "SELECT count(*) FROM range(100000000000) t(i) WHERE i % 7 = 3",
      signal: client.signal,
    });
    while (queries.signals.length === 0) await sleep(10);
    await sleep(50);
    client.abort();
    await expect(request).rejects.toThrow();
    const [signal] = queries.signals;
    if (!signal!.aborted) await once(signal!, "abort");
    for (let i = 0; i < 100 && server.activeRequests > 0; i++) await sleep(10);
    expect(server.activeRequests).toBe(0);
    expect(queries.open).toBe(0);
  });

  test("finishes what runs before it closes, and a second close does not wait", async () => {
    const running = post("SELECT sum(i) AS s FROM range(100000000) t(i)").then((r) => r.json());
    while (queries.signals.length === 0) await sleep(5);
    const closed = server.close(60_000);
    expect(await running).toEqual([{ s: 4999999950000000 }]);
    const answeredMs = performance.now();
    await closed;
    expect(performance.now() - answeredMs).toBeLessThan(5000);
    await expect(post("SELECT 1")).rejects.toThrow();
  });

  test("goes on accepting for a while, and tells those who come to go elsewhere", async () => {
    const closed = server.close(10_000, 400);
    const late = await post("SELECT 1 AS one");
    expect(await late.json()).toEqual([{ one: 1 }]);
    expect(late.headers.get("connection")).toBe("close");
    await closed;
    await expect(post("SELECT 1")).rejects.toThrow();
  });

  test("a second close does not linger", async () => {
    const started = performance.now();
    const closed = server.close(60_000, 50_000);
    await Promise.all([server.close(60_000), closed]);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test("a second close aborts what runs", async () => {
    const running = post("SELECT count(*) FROM range(100000000000) t(i) WHERE i % 7 = 3");
    const failed = expect(running).rejects.toThrow();
    while (queries.signals.length === 0) await sleep(5);
    const closed = server.close(60_000);
    const started = performance.now();
    await Promise.all([server.close(60_000), closed, failed]);
    expect(performance.now() - started).toBeLessThan(5000);
    expect(queries.signals[0]!.aborted).toBe(true);
  });

  const get = async (path: string) => {
    const response = await fetch(base + path);
    return { status: response.status, text: await response.text() };
  };

  test("answers probes", async () => {
    expect(await get("/health")).toEqual({ status: 200, text: "ok\n" });
    expect(await get("/v1/ready")).toEqual({ status: 200, text: "ready" });
    expect(await get("/v1/ready?min_ready_executors_percent=101")).toEqual({
      status: 400,
      text: "min_ready_executors_percent must be between 0 and 100",
    });
    node.facts = { ...node.facts, components: [{ name: "dataset:a", state: "not-ready", detail: "0 of 3" }] };
    expect(await get("/v1/ready")).toEqual({ status: 503, text: "not ready" });
    expect(await get("/v1/ready?scope=node")).toEqual({ status: 200, text: "ready" });
  });

  test("shows status, datasets, partitions and the cluster", async () => {
    expect(JSON.parse((await get("/v1/status")).text)).toEqual([
      { name: "http", endpoint: "127.0.0.1:8090", status: "Ready" },
      { name: "metrics", endpoint: "N/A", status: "Disabled" },
      {
        name: "executor",
        endpoint: "exec-0:50052",
        status: "Ready",
        state: "active",
        partitions: 12,
        loaded: 12,
        moving: 0,
        rows: 3_000_000,
        bytes: 1_000_000,
        last_heartbeat: "2023-11-14T22:13:20.000Z",
      },
      { name: "notice", endpoint: "", status: "Warning", message: "fewer partitions than executors" },
    ]);
    expect((await get("/v1/status?format=csv")).text.split("\r\n").slice(0, 2)).toEqual([
      "name,endpoint,status,state,partitions,loaded,moving,rows,bytes,last_heartbeat,message",
      "http,127.0.0.1:8090,Ready,,,,,,,,",
    ]);
    const [plain] = JSON.parse((await get("/v1/datasets")).text);
    expect(plain).toMatchObject({ name: "flights", acceleration_enabled: true, engine: "arrow" });
    expect(plain).not.toHaveProperty("status");
    const [full] = JSON.parse((await get("/v1/datasets?status=true")).text);
    expect(full).toMatchObject({ status: "Ready", partitions: { total: 12, loaded: 12 }, rows: 3_000_000 });
    expect((await get("/v1/datasets?source=postgres")).text).toBe("[]");
    expect(JSON.parse((await get("/v1/datasets/flights/partitions")).text)).toEqual([
      {
        value: { "bucket(12, origin)": "0" },
        owner: "exec-0:50052",
        replicas: [],
        epoch: 4,
        version: 2,
        state: "loaded",
        rows: 250_000,
        bytes: 80_000,
        last_refresh: "2023-11-14T22:13:20.000Z",
        last_snapshot: null,
      },
    ]);
    expect(await get("/v1/datasets/nope/partitions")).toEqual({
      status: 404,
      text: "Dataset nope not found",
    });
    expect(JSON.parse((await get("/v1/cluster")).text)).toMatchObject({ revision: 42, app_generation: 3 });
    node.clusterInfo = undefined;
    expect((await get("/v1/cluster")).status).toBe(503);
  });

  test("triggers refreshes", async () => {
    const refresh = async (name: string, body?: string) => {
      const response = await fetch(`${base}/v1/datasets/${name}/acceleration/refresh`, {
        method: "POST",
        ...(body === undefined ? {} : { body }),
      });
      return { status: response.status, text: await response.text() };
    };
    expect(await refresh("flights")).toEqual({
      status: 201,
      text: '{"message":"Dataset refresh triggered for flights."}',
    });
    const body = {
      refresh_mode: "append",
      refresh_jitter_max: "10s",
      partition: { "bucket(12, origin)": "3" },
    };
    expect((await refresh("flights", JSON.stringify(body))).status).toBe(201);
    expect(node.refreshes.map(({ request }) => request)).toEqual([
      {},
      { refreshMode: "append", refreshJitterMaxMs: 10_000, partition: { "bucket(12, origin)": "3" } },
    ]);
    expect(await refresh("nope")).toEqual({ status: 404, text: "Dataset nope not found" });
    expect((await refresh("flights", "{")).status).toBe(400);
    expect((await refresh("flights", '{"refresh_mode":"changes"}')).status).toBe(400);
    expect((await refresh("flights", '{"refresh_sq":"x"}')).text).toMatch(/Did you mean "refresh_sql"/);
    node.outcome = { kind: "not-accelerated" };
    expect(await refresh("flights")).toEqual({
      status: 400,
      text: "Dataset flights does not have acceleration enabled",
    });
    node.outcome = { kind: "accepted" };
    const patch = await fetch(`${base}/v1/datasets/flights/acceleration`, {
      method: "PATCH",
      body: '{"refresh_sql":"SELECT * FROM flights WHERE delay > 0"}',
    });
    expect(patch.status).toBe(200);
    expect(node.refreshSqls).toEqual(["SELECT * FROM flights WHERE delay > 0"]);
  });

  test("drains an executor, says when it already does, and ends it", async () => {
    const drain = async (body: string) => {
      const response = await fetch(`${base}/v1/cluster/drain`, { method: "POST", body });
      return { status: response.status, text: await response.text() };
    };
    const first = await drain('{"executor": "exec-0:50052"}');
    expect(first.status).toBe(200);
    expect(JSON.parse(first.text)).toEqual({
      executor: "exec-0:50052",
      state: "DRAINING",
      remaining: 12,
      already: false,
      message: "Executor exec-0:50052 is draining.",
    });
    expect((await drain('{"executor": "exec-0:50052"}')).text).toContain("was already draining");
    const undrain = '{"executor": "exec-0:50052", "undrain": true}';
    expect((await drain(undrain)).text).toContain("takes partitions again");
    expect((await drain(undrain)).text).toContain("was not draining");
    expect((await drain('{"executor": "exec-9:50052"}')).status).toBe(404);
    for (const [body, reason] of [
      ['{"executer": "x"}', 'Did you mean "executor"?'],
      ["{}", 'The field "executor" must be'],
      ['{"executor": "x", "undrain": "yes"}', 'The field "undrain" must be true or false.'],
    ] as const) {
      const answer = await drain(body);
      expect([body, answer.status]).toEqual([body, 400]);
      expect(answer.text).toContain(reason);
    }
  });

  test("says what is not there", async () => {
    const unknown = await get("/v2/sql");
    expect(unknown.status).toBe(404);
    expect(unknown.text).toMatch(/There is no route GET \/v2\/sql[\s\S]*POST {2}\/v1\/sql/);
    const wrong = await fetch(`${base}/v1/sql`);
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get("allow")).toBe("POST");
    const absent = await fetch(`${base}/v1/queries`, { method: "POST", body: "{}" });
    expect(absent.status).toBe(501);
    expect(await absent.text()).toMatch(/not available in this version/);
  });

  test("carries request ids and counts requests", async () => {
    const response = await fetch(`${base}/health`, { headers: { "X-Request-Id": "mine-7" } });
    expect(response.headers.get("x-request-id")).toBe("mine-7");
    const bad = await fetch(`${base}/health`, { headers: { "X-Request-Id": "a b" } });
    expect(bad.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(await metrics.text()).toMatch(
      /http_requests_duration_ms_count\{method="GET",route="\/health",status="200"\} 2/,
    );
  });
});
