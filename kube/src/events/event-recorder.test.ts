import { describe, expect, it } from "@jest/globals";
import type { KubeObject } from "../client/object.ts";
import type { ResourceType, Target } from "../client/resource-type.ts";
import { StatusError } from "../client/status-error.ts";
import { seededRandom } from "../testing/seeded-random.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { type EventNote, EventRecorder } from "./event-recorder.ts";

const pod: KubeObject = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", namespace: "ns", uid: "u" } };
const event = (note: string): EventNote => ({ type: "Warning", reason: "Failed", action: "Reconcile", note });

function setUp() {
  const clock = new VirtualClock();
  const created: (KubeObject & Record<string, unknown>)[] = [];
  const patched: { target: Target; body: unknown }[] = [];
  const errors: unknown[] = [];
  const faults = { next: undefined as Error | undefined };
  const fail = () => {
    const { next } = faults;
    faults.next = undefined;
    if (next !== undefined) throw next;
  };
  const recorder = new EventRecorder({
    client: {
      async create<T extends KubeObject>(_type: ResourceType, object: T): Promise<T> {
        fail();
        created.push(object as T & Record<string, unknown>);
        return object;
      },
      async patch<T extends KubeObject>(
        _type: ResourceType,
        target: Target,
        patch: { body: unknown },
      ): Promise<T> {
        fail();
        patched.push({ target, body: patch.body });
        return created[0] as KubeObject as T;
      },
    },
    clock,
    random: seededRandom(1),
    controller: "example.com/operator",
    instance: "me",
    onError: (error) => errors.push(error),
  });
  const stop = new AbortController();
  const ended = recorder.run(stop.signal);
  return { clock, recorder, created, patched, errors, faults, stop, ended };
}

describe("EventRecorder", () => {
  it("forgets what is written for what is new, and drops only what cannot wait any more", async () => {
    const { clock, recorder, created, errors, stop, ended } = setUp();
    const about = (i: number): KubeObject => ({ ...pod, metadata: { name: `p${i}`, uid: `u${i}` } });
    for (let i = 0; i < 1000; i++) recorder.record(about(i), event("boom"));
    await clock.advance(1000);
    for (let i = 1000; i < 1600; i++) recorder.record(about(i), event("boom"));
    await clock.advance(1000);
    expect([created.length, errors]).toEqual([1600, []]);
    for (let i = 2000; i < 3001; i++) recorder.record(about(i), event("boom"));
    expect(errors).toEqual([new Error("event Failed was dropped: 1000 are kept already")]);
    stop.abort();
    await ended;
  });

  it("writes an event once and counts its repetitions", async () => {
    const { clock, recorder, created, patched, stop, ended } = setUp();
    recorder.record(pod, event("boom"));
    await clock.advance(1000);
    expect(created).toHaveLength(1);
    expect(created[0]).toMatchObject({
      apiVersion: "events.k8s.io/v1",
      metadata: { namespace: "ns", name: expect.stringMatching(/^p\.[0-9a-f]{12}$/) },
      regarding: { kind: "Pod", name: "p", namespace: "ns", uid: "u" },
      type: "Warning",
      reason: "Failed",
      action: "Reconcile",
      note: "boom",
      reportingController: "example.com/operator",
      eventTime: expect.stringMatching(/\.\d{6}Z$/),
    });
    expect(created[0]).not.toHaveProperty("series");
    for (let i = 0; i < 100; i++) recorder.record(pod, event("boom"));
    await clock.advance(10_000);
    expect(created).toHaveLength(1);
    expect(patched).toHaveLength(1);
    expect(patched[0]).toMatchObject({
      target: { namespace: "ns", name: created[0]!.metadata.name },
      body: { series: { count: 101 } },
    });
    stop.abort();
    await ended;
    expect(clock.pending).toBe(0);
  });

  it("sums up many notes of one reason and keeps to a budget per object", async () => {
    const { clock, recorder, created, patched, stop, ended } = setUp();
    for (let i = 0; i < 500; i++) recorder.record(pod, event(`attempt ${i}`));
    await clock.advance(1000);
    expect(created).toHaveLength(11);
    expect(created[10]).toMatchObject({
      series: { count: 490 },
      note: expect.stringContaining("and others"),
    });
    for (let second = 0; second < 1000; second++) {
      recorder.record(pod, event("attempt 1"));
      await clock.advance(1000);
    }
    expect(patched.length).toBeLessThanOrEqual(25 - 11 + 4);
    recorder.record({ ...pod, metadata: { name: "node", uid: "n" } }, event("other"));
    await clock.advance(1000);
    expect(created.at(-1)).toMatchObject({ metadata: { namespace: "default" }, note: "other" });
    stop.abort();
    await ended;
  });

  it("tries again after a failure, starts anew when the event is gone, and writes the rest when it stops", async () => {
    const { clock, recorder, created, patched, errors, faults, stop, ended } = setUp();
    faults.next = new Error("away");
    recorder.record(pod, event("x".repeat(3000)));
    await clock.advance(2000);
    expect(errors).toHaveLength(1);
    expect(created).toHaveLength(1);
    expect(created[0]?.["note"]).toHaveLength(1024);
    faults.next = new StatusError(404, { reason: "NotFound" }, "patch");
    recorder.record(pod, event("x".repeat(3000)));
    await clock.advance(10_000);
    expect(patched).toHaveLength(0);
    recorder.record(pod, event("x".repeat(3000)));
    await clock.advance(1000);
    expect(created).toHaveLength(2);
    recorder.record(pod, event("last"));
    stop.abort();
    await clock.advance(0);
    await ended;
    expect(created).toHaveLength(3);
    expect(clock.pending).toBe(0);
  });

  it("bounds what it keeps", async () => {
    const { recorder, errors, stop, ended } = setUp();
    for (let i = 0; i < 1001; i++) recorder.record({ ...pod, metadata: { name: `p${i}` } }, event("x"));
    expect(errors).toHaveLength(1);
    stop.abort();
    await ended;
  });
});
