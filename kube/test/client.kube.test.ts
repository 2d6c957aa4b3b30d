import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import {
  Client,
  Discovery,
  isAlreadyExists,
  isConflict,
  isInvalid,
  isNotFound,
  type KubeObject,
  loadKubeConfig,
  StatusError,
  systemClock,
  systemRandom,
  Transport,
} from "../src/index.ts";
import { ApiServer } from "./support/api-server.ts";
import { FaultProxy } from "./support/fault-proxy.ts";
import { configMaps } from "./support/types.ts";
import { eventually } from "./support/wait.ts";
import { type Widget, widget, widgetCrd, widgets } from "./support/widgets.ts";

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

const configMap = (namespace: string, name: string, data: Record<string, string> = {}): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
  data,
});

describe("Client on a real API server", () => {
  let api: ApiServer;
  let proxy: FaultProxy;
  let namespace: string;

  beforeAll(async () => {
    api = await ApiServer.start({ crds: [widgetCrd], users: [{ name: "nobody" }], controllers: false });
    proxy = await FaultProxy.start(api);
    namespace = await api.namespace("client");
  });
  afterEach(() => proxy.heal());
  afterAll(async () => {
    await proxy?.stop();
    await api?.stop();
  });

  const caught = (work: Promise<unknown>) => work.then(() => undefined).catch((error: unknown) => error);

  it("keeps fields that no model knows through every kind of write", async () => {
    const client = api.client();
    const made = await client.create(
      widgets,
      widget(namespace, "a", { size: 1, future: { list: [1, null] } }),
    );
    const target = { namespace, name: "a" };
    const read = await client.get<Widget>(widgets, target);
    expect(read).toEqual(made);
    expect(read.spec).toEqual({ size: 1, future: { list: [1, null] } });
    const replaced = await client.replace<Widget>(widgets, { ...read, spec: { ...read.spec, size: 2 } });
    expect(replaced.metadata.creationTimestamp).toBe(made.metadata.creationTimestamp);
    const patched = await client.patch<Widget>(widgets, target, {
      type: "merge",
      body: { spec: { x: "y" } },
    });
    expect(patched.spec).toEqual({ size: 2, future: { list: [1, null] }, x: "y" });
    const ops = [{ op: "remove", path: "/spec/future" }];
    await client.patch(widgets, target, { type: "json", body: ops }, { dryRun: true });
    const applied = await client.apply(widgets, widget(namespace, "a", { size: 3 }), {
      fieldManager: "test",
      force: true,
    });
    expect(applied.spec).toEqual({ size: 3, future: { list: [1, null] }, x: "y" });
    await client.create(configMaps, configMap(namespace, "strategic", { a: "1" }));
    const strategic = await client.patch<ConfigMap>(
      configMaps,
      { namespace, name: "strategic" },
      { type: "strategic", body: { data: { b: "2" } } },
    );
    expect(strategic.data).toEqual({ a: "1", b: "2" });
  });

  it("tells refusals apart", async () => {
    const client = api.client();
    await client.create(widgets, widget(namespace, "b", { size: 1 }));
    const again = await caught(client.create(widgets, widget(namespace, "b")));
    expect([isAlreadyExists(again), isConflict(again)]).toEqual([true, false]);
    const read = await client.get<Widget>(widgets, { namespace, name: "b" });
    await client.replace(widgets, { ...read, spec: { size: 2 } });
    expect(isConflict(await caught(client.replace(widgets, { ...read, spec: { size: 3 } })))).toBe(true);
    expect(isInvalid(await caught(client.create(widgets, widget(namespace, "c", { size: 10 }))))).toBe(true);
    expect(isNotFound(await caught(client.get(widgets, { namespace, name: "none" })))).toBe(true);
    const foreign = { preconditions: { uid: "11111111-0000-4000-8000-000000000000" } };
    expect(isConflict(await caught(client.delete(widgets, { namespace, name: "b" }, foreign)))).toBe(true);
    const forbidden = await caught(api.client({ user: "nobody" }).list(widgets, { namespace }));
    expect(forbidden).toMatchObject({ name: "StatusError", code: 403, reason: "Forbidden" });
    expect(String(forbidden)).toContain('User "nobody" cannot list resource "widgets"');
    expect(await caught(api.client({ token: "stale" }).list(widgets))).toMatchObject({ code: 401 });
  });

  it("waits as long as it is asked to, and gives up after five attempts", async () => {
    const client = api.client({ server: proxy.url });
    const path = `/api/v1/namespaces/${namespace}/configmaps/none`;
    const busy = { kind: "status", code: 429, reason: "TooManyRequests", retryAfter: 1 } as const;
    proxy.inject({ fault: busy, times: 1 });
    const startedAt = performance.now();
    expect(isNotFound(await caught(client.getPath(path)))).toBe(true);
    expect(performance.now() - startedAt).toBeGreaterThan(950);
    proxy.heal();
    proxy.inject({ fault: { ...busy, retryAfter: 0 } });
    const before = proxy.seen.length;
    expect(await caught(client.getPath(path))).toMatchObject({ code: 429 });
    expect(proxy.seen.length - before).toBe(5);
    proxy.heal();
    // A write whose answer was lost is not sent again by the client: the caller looks first.
    proxy.inject({ fault: { kind: "cut-reply" }, times: 1 });
    const lost = await caught(client.create(configMaps, configMap(namespace, "lost")));
    expect(lost).toMatchObject({ name: "ConnectionError" });
    expect(await client.get(configMaps, { namespace, name: "lost" })).toMatchObject({ kind: "ConfigMap" });
  });

  it("uses few connections: one in turn, and sixteen at rest after a burst", async () => {
    const client = api.client({ server: proxy.url });
    proxy.cutAll();
    const before = proxy.connections;
    for (let i = 0; i < 100; i += 1) await client.list(configMaps, { namespace, limit: 1 });
    expect(proxy.connections - before).toBe(1);
    await Promise.all(Array.from({ length: 60 }, () => client.list(configMaps, { namespace, limit: 1 })));
    await eventually("idle connections to be closed", () => proxy.open <= 16);
    expect(proxy.connections - before).toBeLessThanOrEqual(61);
  });

  it("finds its way by a kubeconfig, and discovers what is served", async () => {
    const access = await loadKubeConfig({ file: api.kubeconfig({ namespace }) });
    expect(access.namespace).toBe(namespace);
    const transport = new Transport(access);
    const client = new Client({ transport, clock: systemClock, random: systemRandom });
    try {
      const discovery = new Discovery({ client, clock: systemClock });
      expect(await discovery.find("apps", "StatefulSet")).toMatchObject({
        ...{ version: "v1", plural: "statefulsets", namespaced: true },
      });
      expect(await discovery.find("", "Node")).toMatchObject({ plural: "nodes", namespaced: false });
      expect(await discovery.find("example.test", "Widget")).toMatchObject(widgets);
      expect(await discovery.find("none.test", "None")).toBeUndefined();
      expect(await discovery.serves({ group: "policy", version: "v1", plural: "poddisruptionbudgets" })).toBe(
        true,
      );
      expect(await discovery.serves({ group: "policy", version: "v1beta1", plural: "x" })).toBe(false);
      const { spec } = widgetCrd;
      const names = { plural: "gadgets", singular: "gadget", kind: "Gadget" };
      const gadgetCrd = {
        ...widgetCrd,
        metadata: { name: "gadgets.example.test" },
        spec: { ...spec, names },
      };
      await api.install(gadgetCrd);
      const found = await eventually("the new kind to be discovered", () => {
        discovery.invalidate();
        return discovery.find("example.test", "Gadget").catch((error: unknown) => {
          if (error instanceof StatusError) return undefined;
          throw error;
        });
      });
      expect(found.plural).toBe("gadgets");
    } finally {
      transport.close();
    }
  });
});
