import https from "node:https";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { createRoot, issueLeaf, type PemPair } from "@spice-shards/certificates";
import { systemClock } from "@spice-shards/kube";
import { silentLog } from "../log.ts";
import { handleReview } from "./handle-review.ts";
import { validatePath, WebhookServer } from "./webhook-server.ts";

const time = { nowMs: Date.now(), validMs: 3_600_000 };
let root: PemPair;
let leaf: PemPair;
let server: WebhookServer;
let port: number;
let results: string[];

beforeEach(async () => {
  root = await createRoot("root", time);
  leaf = await issueLeaf(root, { commonName: "w", hosts: ["webhook.test"] }, time);
  results = [];
  const options = {
    policy: "err",
    lookups: {
      storageClasses: async () => [],
      stateLocations: async () => [],
      exists: async () => true,
      hasCertManager: async () => true,
    },
    clock: systemClock,
    log: silentLog,
    onReview: (result: string) => results.push(result),
  } as const;
  server = new WebhookServer({ handle: (body) => handleReview(body, options), bodyLimit: 100_000 }, leaf);
  port = await server.listen({ host: "127.0.0.1", port: 0 });
});

afterEach(() => server.close(100));

interface Call {
  readonly path?: string;
  readonly method?: string;
  readonly type?: string;
  readonly body?: string;
  readonly chunked?: boolean;
  readonly ca?: string;
  readonly agent?: https.Agent;
}

function call(given: Call): Promise<{ code: number; text: string; serial: string }> {
  const {
    path = validatePath,
    method = "POST",
    type = "application/json",
    body = "",
    ca = root.certificate,
  } = given;
  return new Promise((resolve, reject) => {
    const request = https.request(
      {
        host: "127.0.0.1",
        port,
        path,
        method,
        ca,
        servername: "webhook.test",
        agent: given.agent ?? false,
        headers: {
          "content-type": type,
          ...(given.chunked === true ? {} : { "content-length": Buffer.byteLength(body) }),
        },
      },
      (response) => {
        const { serialNumber } = (response.socket as import("node:tls").TLSSocket).getPeerCertificate();
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve({ code: response.statusCode ?? 0, text, serial: serialNumber }));
        response.on("error", reject);
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

const review = (object: unknown) =>
  JSON.stringify({
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: { uid: "u", operation: "CREATE", object },
  });
const cluster = (spec: unknown) => ({
  apiVersion: "spice.ai/v2",
  kind: "SpicepodCluster",
  metadata: { name: "sales", namespace: "data" },
  spec,
});
const spicepod = { runtime: { scheduler: { state_location: "s3://b/s/" } }, datasets: [] };

test("reviews are answered over HTTPS", async () => {
  const good = await call({
    path: `${validatePath}?timeout=5s`,
    body: review(cluster({ schedulerSpec: { spicepod } })),
  });
  expect(good.code).toBe(200);
  expect(JSON.parse(good.text)).toMatchObject({ response: { uid: "u", allowed: true } });
  const bad = await call({ body: review(cluster({ schedulerSpec: { spicepod, replicas: 0 } })) });
  expect(JSON.parse(bad.text)).toMatchObject({
    response: {
      allowed: false,
      status: { message: "spec.schedulerSpec.replicas: must be at least 1, found 0." },
    },
  });
  const odd = await call({ body: review(cluster({ schedulerSpec: { spicepod: { datasets: [] } } })) });
  expect(JSON.parse(odd.text)).toMatchObject({ response: { allowed: true, warnings: [expect.any(String)] } });
  expect(results).toEqual(["allowed", "refused", "warned"]);
});

test("what is no review is answered in words", async () => {
  expect(await call({ body: "{" })).toMatchObject({ code: 400, text: expect.stringMatching(/not JSON/) });
  expect(await call({ path: "/" })).toMatchObject({ code: 404 });
  expect(await call({ method: "GET" })).toMatchObject({ code: 405 });
  expect(await call({ type: "text/yaml" })).toMatchObject({ code: 415 });
  expect(await call({ body: "x".repeat(100_001) })).toMatchObject({
    code: 413,
    text: "A review can have at most 100000 bytes.\n",
  });
  expect(await call({ body: "x".repeat(100_001), chunked: true })).toMatchObject({ code: 413 });
  expect(results).toEqual(["malformed"]);
});

test("a new certificate is served without a restart", async () => {
  const agent = new https.Agent({ keepAlive: true });
  const body = review(cluster({ schedulerSpec: { spicepod } }));
  const first = await call({ body, agent });
  const next = await createRoot("next", time);
  server.setCertificate(await issueLeaf(next, { commonName: "w", hosts: ["webhook.test"] }, time));
  await expect(call({ body })).rejects.toThrow(/self-signed|unable to (verify|get)/);
  const second = await call({ body, ca: next.certificate });
  expect(second.code).toBe(200);
  expect(second.serial).not.toBe(first.serial);
  expect((await call({ body, agent })).code).toBe(200);
  agent.destroy();
});
