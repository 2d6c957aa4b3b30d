import { expect, test } from "@jest/globals";
import { TestClock } from "../../../test/support/test-clock.ts";
import { MemoryObjects, MemoryStore } from "../../adapters/store/memory.ts";
import { heartbeatKey, printHeartbeat } from "../../core/cluster/membership/heartbeat-file.ts";
import { registerScheduler } from "../../core/cluster/membership/membership.ts";
import { ClusterState } from "./cluster-state.ts";
import { runReaper } from "./reaper.ts";

const ttlMs = 30_000;
const random = { next: () => 0.5, uuid: () => "i" };

const entry = (id: string) => ({
  scheduler_id: id,
  instance_id: `i-${id}`,
  advertise_address: id,
  grpc_address: id,
  http_address: id,
  started_at_ms: 0,
  ttl_ms: ttlMs,
  build_version: "0.1.0",
  labels: {},
  last_write_seq: 0,
});

test("peers that tell their beat cost no request; the stuck and the dead are removed", async () => {
  const clock = new TestClock();
  const objects = new MemoryObjects();
  const read: string[] = [];
  const store = new MemoryStore(objects, {
    fault: async (operation, key) => {
      if (operation === "get") read.push(key);
      return undefined;
    },
  });
  const state = new ClusterState({ store, clock, random, schedulerId: "self", instanceId: "i-self" });
  await state.open();
  for (const id of ["self", "told", "stuck", "mute"]) {
    await state.change((document) => ({
      document: registerScheduler(document, entry(id), "i-self"),
      result: undefined,
    }));
  }
  let beats = 1;
  const write = () =>
    new MemoryStore(objects, {}).put(
      heartbeatKey("mute"),
      printHeartbeat({
        scheduler_id: "mute",
        instance_id: "i-mute",
        counter: beats,
        ttl_ms: ttlMs,
        last_heartbeat_ms: 0,
        executors: {},
        queries: [],
      }),
      { kind: "any" },
    );
  const stop = new AbortController();
  const reaper = runReaper(
    {
      state,
      clock,
      random,
      ttlMs,
      ask: async ({ scheduler_id: id }) => {
        if (id === "mute") throw new Error("it does not answer");
        return { instance_id: `i-${id}`, counter: id === "told" ? beats : 1 };
      },
    },
    stop.signal,
  );
  read.length = 0;
  for (let tick = 0; tick < 4; tick += 1) {
    beats += 1;
    await write();
    await clock.advance(ttlMs);
  }
  // What a peer tells counts, however often it answers; a file that moves counts as well.
  expect(Object.keys(state.document.schedulers).sort()).toEqual(["mute", "self", "told"]);
  expect(read.filter((key) => key === heartbeatKey("mute"))).toHaveLength(4);
  for (let tick = 0; tick < 3; tick += 1) {
    beats += 1;
    await clock.advance(ttlMs);
  }
  expect(Object.keys(state.document.schedulers).sort()).toEqual(["self", "told"]);
  expect(read.some((key) => key === heartbeatKey("told") || key === heartbeatKey("stuck"))).toBe(false);
  stop.abort(new Error("the test ends"));
  await reaper;
});
