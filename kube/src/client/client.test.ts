import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { loadKubeConfig } from "../config/load-kube-config.ts";
import { Discovery } from "../discovery/discovery.ts";
import { TokenBucket } from "../retry/token-bucket.ts";
import { FakeApiServer } from "../testing/fake-api-server.ts";
import { seededRandom } from "../testing/seeded-random.ts";
import { systemClock } from "../time/clock.ts";
import { DeadlineError } from "../time/with-deadline.ts";
import { Client, type ClientOptions } from "./client.ts";
import type { KubeObject } from "./object.ts";
import { type ResourceType, resourcePath } from "./resource-type.ts";
import {
  ConnectionError,
  isConflict,
  isGone,
  isNotFound,
  ProtocolError,
  StatusError,
} from "./status-error.ts";
import { Transport } from "./transport.ts";
import type { WatchEvent } from "./watch-event.ts";

const configMaps: ResourceType = {
  group: "",
  version: "v1",
  plural: "configmaps",
  kind: "ConfigMap",
  namespaced: true,
};

interface ConfigMap extends KubeObject {
  readonly data?: Record<string, string>;
  readonly futureField?: unknown;
}

const configMap = (name: string, data: Record<string, string> = {}): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "ns" },
  data,
});

describe("Client", () => {
  let server: FakeApiServer;
  let dir: string;
  let transport: Transport;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "kube-"));
    server = new FakeApiServer();
  });
  afterEach(async () => {
    transport.close();
    await server.stop();
    await rm(dir, { recursive: true });
  });

  async function connect(options: Partial<ClientOptions> & { user?: object } = {}): Promise<Client> {
    const { user = { token: "secret" }, ...rest } = options;
    const url = await server.start();
    const file = join(dir, "config");
    await writeFile(
      file,
      JSON.stringify({
        "current-context": "c",
        contexts: [{ name: "c", context: { cluster: "c", user: "u", namespace: "home" } }],
        clusters: [{ name: "c", cluster: { server: url.href, "insecure-skip-tls-verify": true } }],
        users: [{ name: "u", user }],
      }),
    );
    const access = await loadKubeConfig({ file });
    expect(access.namespace).toBe("home");
    transport = new Transport(access);
    return new Client({ transport, clock: systemClock, random: seededRandom(1), ...rest });
  }

  it("reads text as it is, and no more of it than asked for", async () => {
    const client = await connect();
    server.texts = ({ path, headers }) =>
      path === "/log" && headers.accept === "*/*" ? "a\nlong line\n" : undefined;
    expect(await client.getText("/log")).toEqual({ text: "a\nlong line\n", truncated: false });
    expect(await client.getText("/log", { limit: 4 })).toEqual({ text: "a\nlo", truncated: true });
    await expect(client.getText("/absent")).rejects.toThrow(StatusError);
  });

  it("creates, reads, replaces, patches, applies and deletes without dropping unknown fields", async () => {
    const client = await connect();
    await client.create(configMaps, { ...configMap("a", { k: "1" }), futureField: { x: 1 } });
    const read = await client.get<ConfigMap>(configMaps, { namespace: "ns", name: "a" });
    expect(read.futureField).toEqual({ x: 1 });
    await client.replace(configMaps, { ...read, data: { k: "2" } });
    const stale = client.replace(configMaps, { ...read, data: { k: "3" } });
    await expect(stale).rejects.toThrow("has been modified");
    expect(isConflict(await stale.catch((error: unknown) => error))).toBe(true);
    const target = { namespace: "ns", name: "a" };
    await client.patch(configMaps, target, { type: "merge", body: { data: { l: "4" } } });
    await client.apply(configMaps, configMap("a", { m: "5" }), { fieldManager: "me", force: true });
    expect((await client.get<ConfigMap>(configMaps, target)).data).toEqual({ k: "2", l: "4", m: "5" });
    expect(server.requests.at(-2)).toMatchObject({
      method: "PATCH",
      path: "/api/v1/namespaces/ns/configmaps/a",
      headers: { "content-type": "application/apply-patch+yaml", authorization: "Bearer secret" },
    });
    expect(server.requests.at(-2)?.query.toString()).toBe("force=true&fieldManager=me");
    await client.delete(configMaps, target, {
      propagationPolicy: "Foreground",
      preconditions: { uid: "uid-1" },
    });
    const gone = await client.get(configMaps, target).catch((error: unknown) => error);
    expect(isNotFound(gone)).toBe(true);
    expect((gone as StatusError).message).toBe("GET /api/v1/namespaces/ns/configmaps/a: ns/a not found");
  });

  it("uses one connection for many requests in turn", async () => {
    const client = await connect();
    for (let i = 0; i < 50; i++) await client.list(configMaps);
    expect(server.connections).toBe(1);
  });

  it("waits as long as the server asks, and reads credentials again after 401", async () => {
    const tokenFile = join(dir, "token");
    await writeFile(tokenFile, "old\n");
    const user = { "auth-provider": { name: "tokenFile", config: { tokenFile } } };
    const client = await connect({ user });
    await client.list(configMaps);
    expect(server.requests.at(-1)?.headers.authorization).toBe("Bearer old");
    await writeFile(tokenFile, "new\n");
    server.fault = ({ headers }) => (headers.authorization === "Bearer new" ? undefined : { code: 401 });
    await client.list(configMaps);
    let left = 2;
    server.fault = () => (left-- > 0 ? { code: 429, headers: { "retry-after": "0" } } : undefined);
    const before = server.requests.length;
    await client.list(configMaps);
    expect(server.requests.length - before).toBe(3);
    server.fault = () => ({ code: 429, headers: { "retry-after": "0" } });
    await expect(client.list(configMaps)).rejects.toBeInstanceOf(StatusError);
    expect(server.requests.length - before).toBe(8);
  });

  it("tells refusals, broken connections, time-outs, aborts and nonsense apart", async () => {
    const client = await connect({ timeoutMs: 100 });
    server.fault = () => "drop";
    await expect(client.list(configMaps)).rejects.toBeInstanceOf(ConnectionError);
    server.fault = () => ({ code: 503, body: "over capacity" });
    await expect(client.list(configMaps)).rejects.toMatchObject({ name: "StatusError", code: 503 });
    server.fault = () => ({ code: 429, headers: { "retry-after": "60" } });
    await expect(client.list(configMaps)).rejects.toBeInstanceOf(DeadlineError);
    const stop = new AbortController();
    const waiting = client.list(configMaps, {}, stop.signal);
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    expect(() => resourcePath(configMaps, { name: "a" })).toThrow(RangeError);
    expect(() => resourcePath({ ...configMaps, namespaced: false }, { namespace: "a" })).toThrow(RangeError);
  });

  it("bounds requests per second", async () => {
    const limiter = new TokenBucket({ perSecond: 50, burst: 2, clock: systemClock });
    const client = await connect({ limiter });
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: 7 }, () => client.list(configMaps)));
    expect(performance.now() - startedAt).toBeGreaterThan(95);
  });

  it("watches with bookmarks, and ends with the signal, the connection, or 410", async () => {
    const client = await connect();
    const stop = new AbortController();
    server.store.put("/configmaps", configMap("before"));
    const events = await client.watch<ConfigMap>(
      configMaps,
      { resourceVersion: "100", namespace: "ns" },
      stop.signal,
    );
    const seen: string[] = [];
    const describeEvent = (event: WatchEvent<ConfigMap>) =>
      event.type === "BOOKMARK"
        ? `BOOKMARK ${event.resourceVersion}`
        : event.type === "ERROR"
          ? "ERROR"
          : `${event.type} ${event.object.metadata.name}`;
    const ended = (async () => {
      for await (const event of events) {
        seen.push(describeEvent(event));
        if (event.type === "BOOKMARK")
          server.store.put("/configmaps", configMap("ünï", { x: "é".repeat(9000) }));
        if (seen.length === 3) server.store.delete("/configmaps", "ns/before");
        if (event.type === "DELETED") stop.abort(new Error("seen enough"));
      }
    })();
    await expect(ended).rejects.toThrow("seen enough");
    expect(seen).toEqual(["ADDED before", "BOOKMARK 101", "ADDED ünï", "DELETED before"]);

    const broken = await client.watch<ConfigMap>(
      configMaps,
      { resourceVersion: "103" },
      new AbortController().signal,
    );
    const breaks = (async () => {
      for await (const event of broken) if (event.type === "BOOKMARK") server.dropConnections();
    })();
    await expect(breaks).rejects.toBeInstanceOf(ConnectionError);

    server.store.compact();
    const late = client.watch(configMaps, { resourceVersion: "101" }, new AbortController().signal);
    expect(isGone(await late.catch((error: unknown) => error))).toBe(true);

    server.fault = () => ({ code: 200, body: { type: "NONSENSE" } });
    server.paths.clear();
    const odd = await client.watch(configMaps, { resourceVersion: "103" }, new AbortController().signal);
    // The fake ends the body without a line end, as a connection that is cut: the torn line is dropped.
    for await (const _ of odd) throw new Error("no event was sent");
  });

  it("discovers which kinds are served and in which version", async () => {
    const client = await connect();
    server.paths.set("/apis/apps", {
      name: "apps",
      preferredVersion: { version: "v1" },
      versions: [{ version: "v1beta1" }, { version: "v1" }],
    });
    server.paths.set("/apis/apps/v1", {
      resources: [
        { name: "deployments", kind: "Deployment", namespaced: true, verbs: ["get"] },
        { name: "deployments/scale", kind: "Scale", namespaced: true, verbs: ["get"] },
      ],
    });
    const discovery = new Discovery({ client, clock: systemClock });
    const found = await discovery.find("apps", "Deployment");
    expect(found).toMatchObject({ group: "apps", version: "v1", plural: "deployments", namespaced: true });
    expect(await discovery.resources("apps", "v1")).toHaveLength(1);
    expect(
      await discovery.serves({ group: "monitoring.coreos.com", version: "v1", plural: "podmonitors" }),
    ).toBe(false);
    expect(await discovery.find("monitoring.coreos.com", "PodMonitor")).toBeUndefined();
    const before = server.requests.length;
    expect(await discovery.serves({ group: "apps", version: "v1", plural: "deployments" })).toBe(true);
    expect(server.requests.length).toBe(before);
    discovery.invalidate();
    server.fault = () => ({ code: 500 });
    await expect(discovery.find("apps", "Deployment")).rejects.toBeInstanceOf(StatusError);
    server.fault = () => undefined;
    expect(await discovery.find("apps", "Deployment")).toBeDefined();
  });

  it("refuses nonsense in a watch", async () => {
    const { jsonLines } = await import("./json-lines.ts");
    const { toWatchEvent } = await import("./watch-event.ts");
    async function* text() {
      yield '{"a":1}\n{"b"';
      yield ":2}\n\nnonsense\n";
    }
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const document of jsonLines(text())) seen.push(document);
    })();
    await expect(reading).rejects.toBeInstanceOf(ProtocolError);
    expect(seen).toEqual([{ a: 1 }, { b: 2 }]);
    for (const bad of [
      null,
      {},
      { type: "ADDED" },
      { type: "ADDED", object: { metadata: {} } },
      { type: "X" },
    ]) {
      expect(() => toWatchEvent(bad)).toThrow(ProtocolError);
    }
  });
});
