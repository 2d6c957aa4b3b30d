import { expect, test } from "@jest/globals";
import type { ControlStreamResponse } from "@spice-shards/proto";
import { TestClock } from "../../test/support/test-clock.ts";
import { ControlStreams } from "./cluster-service.ts";
import { Commands } from "./commands.ts";

const message = { $case: "refreshDataset", value: { requestId: "r", table: "t", overrides: "{}" } } as const;

function bed() {
  const streams = new ControlStreams();
  const clock = new TestClock();
  const sent: ControlStreamResponse[] = [];
  streams.set("e", (response) => sent.push(response));
  return { streams, clock, sent, commands: new Commands(streams, clock) };
}
const never = new AbortController().signal;

test("is repeated under the same id until the executor acknowledges", async () => {
  const { clock, sent, commands } = bed();
  const done = commands.send("e", message, never);
  await clock.advance(3_000);
  expect(sent).toHaveLength(2);
  expect(sent[0]!.commandId).toBe(sent[1]!.commandId);
  commands.acknowledged("somebody else", sent[0]!.commandId, "");
  commands.acknowledged("e", sent[0]!.commandId, "");
  await done;
  await clock.advance(30_000);
  expect([sent.length, clock.sleeping]).toEqual([2, 0]);
});

test("rejects with the executor's reason, with a time-out, and when the scheduler stops", async () => {
  const { clock, sent, commands } = bed();
  const refused = commands.send("e", message, never);
  commands.acknowledged("e", sent[0]!.commandId, "no such table");
  await expect(refused).rejects.toMatchObject({ name: "CommandRefusedError", message: "no such table" });

  const late = expect(commands.send("e", message, never)).rejects.toMatchObject({
    name: "CommandTimeoutError",
  });
  await clock.advance(12_000);
  await late;

  const stop = new AbortController();
  const stopped = expect(commands.send("e", message, stop.signal)).rejects.toThrow("stopping");
  stop.abort(new Error("stopping"));
  await stopped;
  expect(clock.sleeping).toBe(0);
});

test("a stream that was replaced does not take the new one away", () => {
  const streams = new ControlStreams();
  const [old, young] = [() => undefined, () => undefined];
  streams.set("e", old);
  streams.set("e", young);
  streams.delete("e", old);
  expect([streams.count, streams.send("e", { commandId: "", message: undefined })]).toEqual([1, true]);
  streams.delete("e", young);
  expect(streams.send("e", { commandId: "", message: undefined })).toBe(false);
});
