import { X509Certificate } from "node:crypto";
import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { PemPair } from "@spice-shards/certificates";
import type { SchedulerHttp } from "../../adapters/cluster/public-pins.ts";
import { createAuthority, issueNode } from "../../cli/tls/authority.ts";
import { Log } from "../../observe/log.ts";
import { parseLogLevels } from "../../observe/log-level.ts";
import { Metrics } from "../../observe/metrics.ts";
import type { QueryService } from "../../ports/query-service.ts";
import { FixedNode } from "../testing/fixed-node.ts";
import { HttpServer } from "./server.ts";

const clock = { wallMs: () => 0, monotonicMs: () => 0, sleep: (ms: number) => sleep(ms) };
const sha256 = (pem: string) => new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();

/** An executor answers nothing itself. */
const unused: QueryService = {
  query: () => Promise.reject(new Error("asked the executor itself")),
};

let ca: PemPair;
let one: PemPair;
let two: PemPair;
let metrics: Metrics;
let executor: HttpServer;
let url: string;
let schedulers: SchedulerHttp[];
/** What reached a scheduler. */
let heard: string[];
const servers: Server[] = [];

const answer: RequestListener = async (request, response) => {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  heard.push(`${request.url} ${body}`);
  response.writeHead(200, { "content-type": "application/json" }).end('[{"n":1}]');
};

async function listen(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const secure = (pair: PemPair) => listen(createServer({ cert: pair.certificate, key: pair.key }, answer));
const ask = () => fetch(`${url}/v1/sql?pretty=1`, { method: "POST", body: "SELECT 1 AS n" });

beforeAll(async () => {
  ca = await createAuthority(Date.now());
  one = await issueNode(ca, { name: "one", hosts: [] }, Date.now());
  two = await issueNode(ca, { name: "two", hosts: [] }, Date.now());
  metrics = new Metrics({ role: "executor", nodeId: "e" });
});
afterAll(() => metrics.close());

beforeEach(async () => {
  [schedulers, heard] = [[], []];
  executor = new HttpServer({
    queries: unused,
    node: new FixedNode(),
    clock,
    logger: new Log({ levels: parseLogLevels("silent") }).module("http"),
    metrics,
    schedulers: () => schedulers,
  });
  const { port } = await executor.listen({ host: "127.0.0.1", port: 0 });
  url = `http://127.0.0.1:${port}`;
});
afterEach(async () => {
  await executor.close(0);
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

test("passes a statement on in plain HTTP and back", async () => {
  schedulers = [{ address: await listen(createHttpServer(answer)) }];
  const response = await ask();
  expect([response.status, await response.json()]).toEqual([200, [{ n: 1 }]]);
  expect(heard).toEqual(["/v1/sql?pretty=1 SELECT 1 AS n"]);
});

test("speaks TLS to a port that does, whoever signed its certificate", async () => {
  const leafSha256 = async () => sha256(one.certificate);
  schedulers = [{ address: await secure(one), tls: { leafSha256 } }];
  const response = await ask();
  expect([response.status, await response.json()]).toEqual([200, [{ n: 1 }]]);
});

test("asks the scheduler again when the certificate is another one than it knew", async () => {
  const asked: boolean[] = [];
  const leafSha256 = async (fresh: boolean) => {
    asked.push(fresh);
    return sha256(fresh ? two.certificate : one.certificate);
  };
  schedulers = [{ address: await secure(two), tls: { leafSha256 } }];
  expect((await ask()).status).toBe(200);
  expect(asked).toEqual([false, true]);
});

test("sends nothing to a port with a certificate that its scheduler does not have, and tries the next one", async () => {
  const impostor = { address: await secure(two), tls: { leafSha256: async () => sha256(one.certificate) } };
  schedulers = [impostor];
  const response = await ask();
  expect(response.status).toBe(503);
  expect(await response.text()).toContain(
    `none could be reached: asked ${impostor.address}; ${impostor.address} shows a certificate with the fingerprint ${sha256(two.certificate)}, and its scheduler says that it is ${sha256(one.certificate)}: nothing was sent to it`,
  );
  expect(heard).toEqual([]);
  const good = { address: await secure(one), tls: { leafSha256: async () => sha256(one.certificate) } };
  schedulers = [impostor, good];
  expect((await ask()).status).toBe(200);
  expect(heard).toHaveLength(1);
});

test("a port that does not speak TLS, and a scheduler that cannot be asked, are said to be the cause", async () => {
  const plain = { address: await listen(createHttpServer(answer)), tls: { leafSha256: async () => "" } };
  const refuse = async () => {
    throw new Error("it is away");
  };
  for (const [scheduler, cause] of [
    [plain, /wrong version number|SSL/],
    [{ address: await secure(one), tls: { leafSha256: refuse } }, /it is away/],
  ] as const) {
    schedulers = [scheduler];
    const response = await ask();
    expect([response.status, await response.text()]).toEqual([503, expect.stringMatching(cause)]);
  }
  expect(heard).toEqual([]);
});
