import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  type Change,
  type Client,
  Reflector,
  type ReflectorOptions,
  sourceOf,
  systemClock,
  systemRandom,
} from "../src/index.ts";
import { ApiServer } from "./support/api-server.ts";
import { FaultProxy } from "./support/fault-proxy.ts";
import { eventually } from "./support/wait.ts";
import { type Widget, widget, widgetCrd, widgets } from "./support/widgets.ts";

describe("Reflector on a real API server", () => {
  let api: ApiServer;
  let proxy: FaultProxy;
  let direct: Client;

  beforeAll(async () => {
    api = await ApiServer.start({ crds: [widgetCrd], controllers: false });
    proxy = await FaultProxy.start(api);
    direct = api.client();
  });
  afterAll(async () => {
    await proxy?.stop();
    await api?.stop();
  });

  /** A reflector of a namespace of its own behind the proxy, with all that it told. */
  async function reflect(count: number, options: Partial<ReflectorOptions<Widget>> = {}) {
    const namespace = await api.namespace("reflect");
    await Promise.all(
      Array.from({ length: count }, (_, i) =>
        direct.create(widgets, widget(namespace, `w${i}`, { size: 1 })),
      ),
    );
    const transport = api.transport({ server: proxy.url });
    const client = api.client({ server: proxy.url }, { transport });
    const stop = new AbortController();
    const told: string[] = [];
    const errors: unknown[] = [];
    const counts = { listed: 0, watches: 0, idle: 0 };
    const reflector = new Reflector<Widget>({
      source: sourceOf(client, widgets),
      query: { namespace },
      clock: systemClock,
      random: systemRandom,
      onChange: ({ type, object }: Change<Widget>) =>
        told.push(`${type} ${object.metadata.name} ${object.spec?.["size"]}`),
      onError: (error) => errors.push(error),
      metrics: {
        listed: () => {
          counts.listed += 1;
        },
        watchStarted: () => {
          counts.watches += 1;
        },
        watchEnded: (why) => {
          if (why === "idle") counts.idle += 1;
        },
      },
      ...options,
    });
    const running = reflector.run(stop.signal);
    await reflector.synced();
    await eventually("the watch", () => counts.watches > 0);
    return {
      ...{ namespace, reflector, told, errors, counts, client },
      async stop() {
        stop.abort(new Error("the test has ended"));
        await running;
        transport.close();
      },
    };
  }

  const lists = (namespace: string) =>
    proxy.seen.filter(({ path }) => path.includes(namespace) && !path.includes("watch=true"));

  it("reads page by page, follows changes, and leaves nothing behind", async () => {
    const open = proxy.open;
    const { namespace, reflector, told, errors, stop } = await reflect(45, { pageSize: 20 });
    expect([reflector.cache.size, lists(namespace).length]).toEqual([45, 3]);
    expect(lists(namespace)[1]?.path).toContain("continue=");
    expect(reflector.cache.get(`${namespace}/w7`)).toMatchObject({ kind: "Widget", spec: { size: 1 } });
    told.length = 0;
    await direct.patch(widgets, { namespace, name: "w1" }, { type: "merge", body: { spec: { size: 2 } } });
    await direct.create(widgets, widget(namespace, "new", { size: 3 }));
    await direct.delete(widgets, { namespace, name: "w2" });
    await direct.delete(widgets, { namespace, name: "w3" });
    await direct.create(widgets, widget(namespace, "w3", { size: 4 }));
    await eventually("all changes", () => told.length >= 5);
    expect(told).toEqual(["updated w1 2", "added new 3", "deleted w2 1", "deleted w3 1", "added w3 4"]);
    expect(errors).toEqual([]);
    await stop();
    await eventually("its connections to be closed", () => proxy.open <= open);
  });

  it("gets bookmarks", async () => {
    const namespace = await api.namespace("bookmarks");
    const { metadata } = await direct.list(widgets, { namespace });
    // Two seconds before a watch ends by its time-out, the server tells how far it has come if anything happened.
    const query = { namespace, resourceVersion: metadata.resourceVersion, timeoutSeconds: 6 };
    const watching = await direct.watch(widgets, query, AbortSignal.timeout(10_000));
    await direct.create(widgets, widget(await api.namespace("elsewhere"), "x"));
    const seen: string[] = [];
    for await (const event of watching) {
      seen.push(event.type === "BOOKMARK" ? event.resourceVersion : event.type);
    }
    expect(seen.length).toBeGreaterThanOrEqual(1);
    for (const version of seen) expect(Number(version)).toBeGreaterThan(Number(metadata.resourceVersion));
  });

  it("resumes where a cut watch was, without a list and without a leak", async () => {
    const { namespace, reflector, told, counts, stop } = await reflect(3);
    const listed = lists(namespace).length;
    told.length = 0;
    for (let round = 1; round <= 10; round += 1) {
      proxy.inject({ fault: { kind: "drop" } });
      proxy.cutAll();
      await direct.create(widgets, widget(namespace, `while-cut-${round}`, { size: round % 9 }));
      await direct.delete(widgets, { namespace, name: `while-cut-${round}` });
      proxy.heal();
      await eventually("what happened meanwhile", () => told.length === 2 * round);
    }
    expect(told.slice(-2)).toEqual(["added while-cut-10 1", "deleted while-cut-10 1"]);
    expect([reflector.cache.size, lists(namespace).length]).toEqual([3, listed]);
    expect(counts.watches).toBeGreaterThanOrEqual(11);
    await eventually("one connection a watch", () => proxy.open <= 2);
    await stop();
  });

  it("ends a watch that has silently died", async () => {
    proxy.inject({
      fault: { kind: "silent" },
      matches: ({ path }) => path.includes("watch=true") && path.includes("reflect"),
      times: 1,
    });
    const { namespace, told, counts, errors, stop } = await reflect(1, { idleMs: 1500 });
    told.length = 0;
    await direct.create(widgets, widget(namespace, "unheard", { size: 5 }));
    await eventually("the event behind the silence", () => told.includes("added unheard 5"));
    expect(counts.idle).toBeGreaterThanOrEqual(1);
    expect(counts.listed).toBe(1);
    expect(String(errors[0])).toContain("silent for 1500 ms");
    await stop();
    proxy.heal();
  });

  it("lists again after 410, and tells what vanished", async () => {
    const { namespace, reflector, told, counts, errors, stop } = await reflect(4);
    told.length = 0;
    proxy.inject({ fault: { kind: "drop" } });
    proxy.cutAll();
    await direct.delete(widgets, { namespace, name: "w0" });
    await direct.patch(widgets, { namespace, name: "w1" }, { type: "merge", body: { spec: { size: 8 } } });
    await direct.create(widgets, widget(namespace, "late", { size: 9 }));
    await api.compact();
    // The server itself remembers some history; after a restart only what etcd has.
    await api.stopServer();
    await api.startServer();
    proxy.heal();
    await eventually("the list after 410", () => counts.listed === 2);
    await eventually("all changes", () => told.length >= 3);
    expect(told.toSorted()).toEqual(["added late 9", "deleted w0 1", "updated w1 8"]);
    expect(errors.some((error) => (error as { code?: number }).code === 410)).toBe(true);
    expect(reflector.cache.size).toBe(4);
    await stop();
  });

  it("follows the API server through a crash", async () => {
    const { namespace, reflector, told, stop } = await reflect(2);
    told.length = 0;
    await api.stopServer();
    await api.startServer();
    await direct.create(widgets, widget(namespace, "after", { size: 1 }));
    await eventually("an event after the crash", () => told.includes("added after 1"));
    expect(reflector.cache.size).toBe(3);
    await stop();
  });
});
