import { expect, jest, test } from "@jest/globals";
import { StateBed } from "../../../test/support/state-bed.ts";
import type { SchedulerMessage } from "../../core/cluster/membership/messages.ts";
import { ExecutorDesk } from "./executor-desk.ts";

const hello = {
  kind: "hello",
  executor: "e1",
  instance: "x1",
  protocol: { min: 1, max: 1 },
  registered: false,
  held: [],
  generation: 0,
  cluster: undefined,
} as const;

async function opened() {
  const bed = new StateBed();
  const state = await bed.open("s1");
  const desk = new ExecutorDesk({
    state,
    clock: bed.clock,
    lostAfterMs: 30_000,
    confirmationAgeMs: () => 0,
  });
  const sent: SchedulerMessage[] = [];
  return { state, desk, sent, connection: desk.open((message) => sent.push(message)) };
}

test("a welcome names the cluster, and its members come back to it", async () => {
  const { state, sent, connection } = await opened();
  const cluster = state.document.cluster_id;
  await connection.receive(hello);
  expect(sent[0]).toMatchObject({ kind: "welcome", cluster });
  expect(state.document.executors["e1"]).toMatchObject({ instance_id: "x1", state: "active" });
});

test("an executor of another cluster is not registered, and is told what to do", async () => {
  const { state, sent, connection } = await opened();
  const cluster = state.document.cluster_id;
  await expect(connection.receive({ ...hello, registered: true, cluster: "other" })).rejects.toThrow(
    `Executor e1 belongs to cluster other, this scheduler to cluster ${cluster}: restart the executor to let it join this one`,
  );
  expect(sent).toEqual([]);
  expect(state.document.executors).toEqual({});
});

test("an executor that holds more than the document ever gave is not registered, and is told what to do", async () => {
  const { state, sent, connection } = await opened();
  const { revision } = state.document;
  const held = (newest: number) => [{ table: "t", revision: newest }];
  await expect(connection.receive({ ...hello, registered: true, held: held(revision + 1) })).rejects.toThrow(
    `Executor e1 holds assignments of revision ${revision + 1}, the cluster document is at ${revision}: an older version of it was restored. Restart the executor to let it join`,
  );
  expect([sent, state.document.executors]).toEqual([[], {}]);
});

test("an executor that holds what the newest document gave comes back", async () => {
  const { state, sent, connection } = await opened();
  const held = [{ table: "t", revision: state.document.revision }];
  await connection.receive({ ...hello, registered: true, held });
  expect(sent[0]).toMatchObject({ kind: "welcome" });
});

/** Two streams of one executor, of which the older one's hello is admitted last. */
async function overtaken() {
  const { state, desk, sent, connection: older } = await opened();
  const held = Promise.withResolvers<void>();
  const refresh = jest.spyOn(state, "refresh").mockImplementationOnce(async () => {
    await held.promise;
    return state.snapshot;
  });
  const late = older.receive({ ...hello, registered: true });
  const newer: SchedulerMessage[] = [];
  const stream = desk.open((message) => newer.push(message));
  await stream.receive(hello);
  refresh.mockRestore();
  return { sent, newer, older, stream, desk, late, admit: () => held.resolve() };
}

test.each([
  ["while it is still open", false],
  ["after it ended", true],
])("a stream whose hello is admitted late, %s, takes no place of a newer one", async (_, ended) => {
  const { sent, newer, older, stream, desk, late, admit } = await overtaken();
  if (ended) older.close();
  admit();
  await late;
  older.close();
  expect(sent).toEqual([]);
  expect(desk.instanceOf("e1")).toBe("x1");
  await stream.receive({ kind: "beat", counter: 1 });
  expect(newer.at(-1)).toMatchObject({ kind: "beat-answer", counter: 1 });
});

test("a stream that ended before its hello was admitted leaves no member behind", async () => {
  const { desk, connection } = await opened();
  const late = connection.receive(hello);
  connection.close();
  await late;
  expect(desk.instanceOf("e1")).toBeUndefined();
});
