import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { EventRecorder, type KubeObject, systemClock, systemRandom } from "../src/index.ts";
import { ApiServer } from "./support/api-server.ts";
import { events, namespaces } from "./support/types.ts";
import { eventually } from "./support/wait.ts";
import { widget, widgetCrd, widgets } from "./support/widgets.ts";

interface Event extends KubeObject {
  readonly reason: string;
  readonly note: string;
  readonly regarding: { readonly name: string; readonly uid: string };
  readonly series?: { readonly count: number };
}

describe("EventRecorder on a real API server", () => {
  let api: ApiServer;

  beforeAll(async () => {
    api = await ApiServer.start({
      crds: [widgetCrd],
      users: [{ name: "writer", groups: ["system:masters"] }],
    });
  });
  afterAll(async () => {
    await api?.stop();
  });

  it("counts equal events in one, sums many up, and reports about what has no namespace", async () => {
    const namespace = await api.namespace("events");
    const client = api.client();
    const errors: unknown[] = [];
    const recorder = new EventRecorder({
      client: api.client({ user: "writer" }),
      clock: systemClock,
      random: systemRandom,
      controller: "example.test/controller",
      instance: "test-1",
      flushMs: 500,
      onError: (error) => errors.push(error),
    });
    const object = await client.create(widgets, widget(namespace, "w"));
    const wide = await client.get<KubeObject>(namespaces, { name: namespace });
    const stop = new AbortController();
    const mark = api.audit.mark();
    const running = recorder.run(stop.signal);
    const warn = (note: string) =>
      recorder.record(object, { type: "Warning", reason: "Broken", action: "Repair", note });
    for (let i = 0; i < 20; i += 1) warn("always the same");
    recorder.record(wide, { type: "Normal", reason: "Seen", action: "Look", note: "of the cluster" });
    const list = async () => (await client.list<Event>(events, { namespace })).items;
    await eventually("the first event", async () => (await list()).length === 1);
    for (let i = 0; i < 5; i += 1) warn("always the same");
    await eventually("the count", async () => (await list())[0]?.series?.count === 25);
    for (let i = 0; i < 40; i += 1) warn(`another, ${i}`);
    stop.abort(new Error("the test has ended"));
    await running;
    const found = await list();
    // Ten different ones, and the rest as one.
    expect(found).toHaveLength(11);
    expect(found[0]?.regarding).toMatchObject({ name: "w", uid: object.metadata.uid });
    expect(found.filter(({ note }) => note.endsWith("(and others for the same reason)"))).toHaveLength(1);
    expect(await api.kubectl(["events", "-n", namespace, "--for", "widget/w"])).toContain("(x25 over");
    const elsewhere = (await client.list<Event>(events, { namespace: "default" })).items;
    expect(elsewhere.filter(({ reason }) => reason === "Seen")).toHaveLength(1);
    expect(errors).toEqual([]);
    expect(api.audit.writesSince(mark, "writer").length).toBeLessThan(20);
  });
});
