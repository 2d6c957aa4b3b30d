import { describe, expect, test } from "@jest/globals";
import type { ControlStreamResponse, TableAssignment } from "@spice-shards/proto";
import type { Clock } from "../ports/clock.ts";
import { ExecutorRegistry } from "./executor-registry.ts";
import { Notifier } from "./notifier.ts";

function setup() {
  let now = 0;
  const clock: Clock = { wallMs: () => now, monotonicMs: () => now, sleep: async () => undefined };
  const executors = new ExecutorRegistry(clock);
  const inbox: ControlStreamResponse[] = [];
  const join = (instanceId: string) => {
    const session = {
      id: "exec-0:50052",
      instanceId,
      advertiseAddress: "exec-0",
      buildVersion: "1",
      send: (message: ControlStreamResponse) => void inbox.push(message),
      end: () => undefined,
    };
    return executors.open(session);
  };
  const state = { revision: 3 };
  const share = (): TableAssignment[] => [
    { table: "spice.public.t", revision: state.revision, partitions: [{ key: '["0"]', epoch: 1 }] },
  ];
  const notifier = new Notifier({ executors, clock, assignments: share, warn: () => undefined });
  const updates = () => inbox.filter((m) => m.message?.$case === "updatePartitions");
  return { join, notifier, updates, inbox, state, tick: (ms: number) => (now += ms) };
}

describe("Notifier", () => {
  test("sends a share again until it is acknowledged, under one command id", () => {
    const { join, notifier, updates, tick } = setup();
    join("a");
    notifier.notifyAll();
    notifier.notifyAll();
    expect(updates()).toHaveLength(1);
    tick(5_000);
    notifier.notifyAll();
    expect(updates().map((m) => m.commandId)).toEqual([updates()[0]!.commandId, updates()[0]!.commandId]);
    expect(notifier.acknowledged("exec-0:50052", updates()[0]!.commandId, "")).toBe(true);
    tick(60_000);
    notifier.notifyAll();
    expect(updates()).toHaveLength(2);
  });

  test("sends a newer revision, and everything again to a new instance", () => {
    const { join, notifier, updates, inbox, state } = setup();
    join("a");
    notifier.notifyAll();
    notifier.acknowledged("exec-0:50052", updates()[0]!.commandId, "");
    state.revision = 4;
    notifier.notifyAll();
    expect(updates()).toHaveLength(2);
    notifier.acknowledged("exec-0:50052", updates()[1]!.commandId, "");
    join("b");
    notifier.notifyAll();
    expect(updates()).toHaveLength(3);
    expect(inbox.some((m) => m.message?.$case === "replaced" && m.message.value.instanceId === "b")).toBe(
      true,
    );
    expect(join("a")).toBe(false);
  });

  test("an acknowledgement with an error does not count", () => {
    const { join, notifier, updates, tick } = setup();
    join("a");
    notifier.notifyAll();
    notifier.acknowledged("exec-0:50052", updates()[0]!.commandId, "disk full");
    tick(5_000);
    notifier.notifyAll();
    expect(updates()).toHaveLength(2);
  });
});
