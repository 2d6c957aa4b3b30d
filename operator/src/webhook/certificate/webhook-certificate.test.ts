import { X509Certificate } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { createRoot, issueLeaf, type PemPair, readBundle } from "@spice-shards/certificates";
import { Client, type KubeObject, Transport } from "@spice-shards/kube";
import { FakeApiServer, seededRandom, VirtualClock } from "@spice-shards/kube/testing";
import { silentLog } from "../../log.ts";
import { WebhookCertificate } from "./webhook-certificate.ts";

const day = 86_400_000;
const place = { namespace: "ops", name: "operator-webhook-tls" };
const secretKey = "ops/operator-webhook-tls";
const host = "operator-webhook.ops.svc";
const signal = new AbortController().signal;

let api: FakeApiServer;
let server: URL;
let transport: Transport;
/** Wall time of all replicas. */
let clock: VirtualClock;

beforeEach(async () => {
  api = new FakeApiServer();
  server = await api.start();
  const credentials = { current: async () => ({ headers: {}, tls: {} }), invalidate() {} };
  transport = new Transport({ server, credentials });
  clock = new VirtualClock(Date.parse("2030-01-01T00:00:00Z"));
  api.store.put("admissionregistration.k8s.io/validatingwebhookconfigurations", {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "operator.ops" },
    webhooks: [{ name: "a.spice.ai", clientConfig: { service: { name: "operator-webhook" } } }],
  } as KubeObject);
});

afterEach(async () => {
  transport.close();
  await api.stop();
});

function replica(hosts = [host]) {
  const served: PemPair[] = [];
  const certificate = new WebhookCertificate({
    client: new Client({ transport, clock, random: seededRandom(1) }),
    clock,
    random: seededRandom(1),
    log: silentLog,
    secret: place,
    configuration: "operator.ops",
    hosts,
    onLeaf: (leaf) => served.push(leaf),
  });
  return { served, sync: () => certificate.sync(signal), run: (end: AbortSignal) => certificate.run(end) };
}

function trusted(): readonly string[] {
  const configuration = api.store.get(
    "admissionregistration.k8s.io/validatingwebhookconfigurations",
    "operator.ops",
  ) as KubeObject & { webhooks: { clientConfig: { caBundle: string; service: unknown } }[] };
  const [webhook] = configuration.webhooks;
  expect(webhook?.clientConfig.service).toEqual({ name: "operator-webhook" });
  return readBundle(Buffer.from(webhook!.clientConfig.caBundle, "base64").toString());
}

const last = (served: readonly PemPair[]) => served.at(-1)!.certificate;
const isTrusted = (leaf: string) =>
  trusted().some((root) => new X509Certificate(leaf).verify(new X509Certificate(root).publicKey));
const writes = () => api.requests.filter(({ method }) => method !== "GET").length;
const secret = () => api.store.get("/secrets", secretKey) as KubeObject & { data: Record<string, string> };

test("replicas that start at once agree on one certificate, and then write nothing", async () => {
  const [a, b, c] = [replica(), replica(), replica()];
  await Promise.all([a.sync(), b.sync(), c.sync()]);
  expect(new Set([a, b, c].map(({ served }) => last(served))).size).toBe(1);
  expect(isTrusted(last(a.served))).toBe(true);
  expect(new X509Certificate(last(a.served)).checkHost(host)).toBe(host);
  const before = writes();
  await Promise.all([a.sync(), b.sync(), c.sync()]);
  expect(writes()).toBe(before);
  expect(a.served).toHaveLength(1);
});

test("the leaf is renewed at two thirds of its life, everywhere", async () => {
  const [a, b] = [replica(), replica()];
  await a.sync();
  await b.sync();
  const first = last(a.served);
  await clock.advance(59 * day);
  await a.sync();
  expect(last(a.served)).toBe(first);
  await clock.advance(1.1 * day);
  await a.sync();
  expect(last(a.served)).not.toBe(first);
  expect(isTrusted(last(a.served))).toBe(true);
  await b.sync();
  expect(last(b.served)).toBe(last(a.served));
});

test("the root is replaced while every leaf that is served stays trusted", async () => {
  const [a, b] = [replica(), replica()];
  await a.sync();
  const roots = trusted();
  expect(roots).toHaveLength(1);
  // Nearly until the root is due, with leaves renewed on the way.
  await clock.advance(1216 * day);
  await a.sync();
  await b.sync();
  const steps: number[] = [];
  for (let hour = 0; hour < 30; hour++) {
    await clock.advance(day / 24);
    const turn = hour % 2 === 0 ? [a, b] : [b];
    for (const { sync } of turn) await sync();
    for (const { served } of [a, b]) expect(isTrusted(last(served))).toBe(true);
    steps.push(trusted().length);
  }
  expect(steps).toContain(2);
  const now = new X509Certificate(last(b.served));
  expect(now.verify(new X509Certificate(roots[0]!).publicKey)).toBe(false);
  expect(last(a.served)).toBe(last(b.served));
  // With the next leaf the old root is forgotten.
  await clock.advance(61 * day);
  await a.sync();
  await b.sync();
  expect(trusted()).toHaveLength(1);
  expect(isTrusted(last(b.served))).toBe(true);
});

test("a Secret that was deleted is written again from what is served", async () => {
  const a = replica();
  await a.sync();
  api.store.delete("/secrets", secretKey);
  const b = replica();
  await a.sync();
  await b.sync();
  expect(a.served).toHaveLength(1);
  expect(last(b.served)).toBe(last(a.served));
});

test("a Secret that cannot be used, or is for another name, is written anew", async () => {
  const a = replica();
  await a.sync();
  const good = secret();
  const other = await createRoot("other", { nowMs: clock.wallMs(), validMs: day });
  const leaf = await issueLeaf(
    other,
    { commonName: "x", hosts: [host] },
    { nowMs: clock.wallMs(), validMs: day },
  );
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  for (const data of [
    {},
    { ...good.data, "ca.key": base64(other.key) },
    { ...good.data, "tls.key": base64("no key") },
    { ...good.data, "tls.crt": base64(leaf.certificate), "tls.key": base64(leaf.key) },
  ]) {
    api.store.put("/secrets", { ...good, data } as KubeObject);
    const b = replica();
    await b.sync();
    expect(b.served).toHaveLength(1);
    expect(isTrusted(last(b.served))).toBe(true);
  }
  const renamed = replica(["new.ops.svc", "new.ops.svc.k.test"]);
  await renamed.sync();
  expect(new X509Certificate(last(renamed.served)).checkHost("new.ops.svc.k.test")).toBe(
    "new.ops.svc.k.test",
  );
});

test("drift of the CA bundle is repaired, a missing configuration is no failure", async () => {
  const a = replica();
  await a.sync();
  const kind = "admissionregistration.k8s.io/validatingwebhookconfigurations";
  const configuration = api.store.get(kind, "operator.ops") as KubeObject & { webhooks: object[] };
  api.store.put(kind, {
    ...configuration,
    webhooks: [{ clientConfig: { service: { name: "operator-webhook" } } }],
  } as never);
  await a.sync();
  expect(isTrusted(last(a.served))).toBe(true);
  api.store.delete(kind, "operator.ops");
  await a.sync();
});

test("runs until it is stopped, and goes on after failures", async () => {
  const a = replica();
  api.fault = () => ({ code: 500 });
  const stop = new AbortController();
  const running = a.run(stop.signal);
  const wait = async (done: () => boolean) => {
    while (!done()) {
      await clock.advance(500);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  await wait(() => api.requests.length >= 3);
  expect(a.served).toHaveLength(0);
  api.fault = () => undefined;
  await wait(() => a.served.length === 1);
  stop.abort(new Error("stop"));
  await running;
});
