import { expect, test } from "@jest/globals";
import { TestClock } from "../../../test/support/test-clock.ts";
import { MemoryObjects, MemoryStore } from "../../adapters/store/memory.ts";
import type { SchedulerEntry } from "../../core/cluster/document/document.ts";
import { heartbeatKey, printHeartbeat } from "../../core/cluster/membership/heartbeat-file.ts";
import { registerScheduler } from "../../core/cluster/membership/membership.ts";
import { ClusterState } from "./cluster-state.ts";
import { runReaper } from "./reaper.ts";
import type { PeerBeat } from "./scheduler-observer.ts";

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

/** A scheduler's document with itself and `peers`, whose files hold what `write` puts there; `read` has the keys that were got. */
async function bed(peers: readonly string[]) {
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
  for (const id of ["self", ...peers]) {
    await state.change((document) => ({
      document: registerScheduler(document, entry(id), "i-self"),
      result: undefined,
    }));
  }
  const write = (id: string, counter: number) =>
    new MemoryStore(objects, {}).put(
      heartbeatKey(id),
      printHeartbeat({
        scheduler_id: id,
        instance_id: `i-${id}`,
        counter,
        ttl_ms: ttlMs,
        last_heartbeat_ms: 0,
        executors: {},
        queries: [],
      }),
      { kind: "any" },
    );
  const stop = new AbortController();
  const run = (ask: (peer: SchedulerEntry) => Promise<PeerBeat>) => {
    read.length = 0;
    const reaper = runReaper({ state, clock, random, ttlMs, ask }, stop.signal);
    return async () => {
      stop.abort(new Error("the test ends"));
      await reaper;
    };
  };
  const members = () => Object.keys(state.document.schedulers).sort();
  return { clock, read, write, run, members };
}

test("peers that tell their beat cost no request; the stuck and the dead are removed", async () => {
  const { clock, read, write, run, members } = await bed(["told", "stuck", "mute"]);
  let beats = 1;
  const end = run(async ({ scheduler_id: id }) => {
    if (id === "mute") throw new Error("it does not answer");
    return { instance_id: `i-${id}`, counter: id === "told" ? beats : 1 };
  });
  for (let tick = 0; tick < 4; tick += 1) {
    beats += 1;
    await write("mute", beats);
    await clock.advance(ttlMs);
  }
  // What a peer tells counts, however often it answers; a file that moves counts as well.
  expect(members()).toEqual(["mute", "self", "told"]);
  expect(read.filter((key) => key === heartbeatKey("mute"))).toHaveLength(24);
  // The file moved last at 90 s and was seen to at 95 s: 35 s later it has not been silent for longer than that.
  beats += 1;
  await clock.advance(10_000);
  expect(members()).toEqual(["mute", "self", "told"]);
  await clock.advance(5_000);
  expect(members()).toEqual(["self", "told"]);
  // Once, before it was removed: what it told might have been behind.
  expect(read.filter((key) => key === heartbeatKey("stuck"))).toHaveLength(1);
  expect(read).not.toContain(heartbeatKey("told"));
  await end();
});

test("a peer that tells less than its file has is as alive as its file", async () => {
  const { clock, write, run, members } = await bed(["behind"]);
  const end = run(async () => ({ instance_id: "i-behind", counter: 1 }));
  for (let beats = 2; beats < 8; beats += 1) {
    await write("behind", beats);
    await clock.advance(ttlMs);
  }
  expect(members()).toEqual(["behind", "self"]);
  await clock.advance(2 * ttlMs + 5_000);
  expect(members()).toEqual(["self"]);
  await end();
});

test("what was told before a pause is no silence during it", async () => {
  const { clock, run, members } = await bed(["told"]);
  let [beats, pausesMs] = [1, 0];
  const end = run(async () => {
    const answer = { instance_id: "i-told", counter: beats };
    if (pausesMs > 0) await clock.sleep(pausesMs);
    return answer;
  });
  await clock.advance(10_000);
  pausesMs = 2 * ttlMs;
  await clock.advance(2 * ttlMs + 5_000);
  pausesMs = 0;
  for (let tick = 0; tick < 5; tick += 1) {
    beats += 1;
    await clock.advance(10_000);
    expect(members()).toEqual(["self", "told"]);
  }
  await end();
});
