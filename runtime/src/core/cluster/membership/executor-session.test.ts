import { expect, test } from "@jest/globals";
import { ExecutorSession } from "./executor-session.ts";

test("an executor stays with the cluster that welcomed it first", () => {
  const session = new ExecutorSession({ executor: "e", instance: "x", lostAfterMs: 30_000 });
  const hello = (scheduler: string) => session.connected(scheduler)[0];
  expect(hello("a")).toMatchObject({ message: { kind: "hello", cluster: undefined } });
  expect(hello("b")).toMatchObject({ message: { kind: "hello", cluster: undefined } });
  session.receive("a", { kind: "welcome", revision: 1, cluster: "one" });
  session.receive("b", { kind: "welcome", revision: 1, cluster: "two" });
  expect(session.joinedCount).toBe(1);
  const beats = session.tick(0).map((effect) => effect.kind === "send" && effect.scheduler);
  expect(beats).toEqual(["a"]);
  expect(hello("b")).toMatchObject({ message: { kind: "hello", cluster: "one" } });
});
