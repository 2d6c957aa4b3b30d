import { beforeEach, expect, test } from "@jest/globals";
import { StateBed } from "../../../test/support/state-bed.ts";
import { printHeartbeat } from "../../core/cluster/membership/heartbeat-file.ts";
import { removeScheduler } from "../../core/cluster/membership/membership.ts";
import type { PeerEvidence } from "../../core/cluster/moves/judge-loss.ts";
import { BeatWatch } from "../members/beat-watch.ts";
import type { ClusterState } from "../state/cluster-state.ts";
import { EvidenceGatherer } from "./evidence-gatherer.ts";

const lostAfterMs = 10_000;
const limitMs = 12_000;
const { signal } = new AbortController();
let bed: StateBed;
let state: ClusterState;
let watch: BeatWatch;
let evidence: EvidenceGatherer;
/** What s2 hears; an error: it does not answer. */
let answer: readonly string[] | Error;
let asked: (readonly [string, readonly string[]])[];
let errors: string[];

beforeEach(async () => {
  bed = new StateBed();
  await bed.open("s2");
  state = await bed.open("s1", ["e1", "e2"]);
  watch = new BeatWatch(bed.clock, 1_000);
  [answer, asked, errors] = [[], [], []];
  evidence = new EvidenceGatherer({
    state,
    clock: bed.clock,
    watch,
    lostAfterMs,
    ask: async ({ advertise_address }, suspected) => {
      asked.push([advertise_address, suspected]);
      if (answer instanceof Error) throw answer;
      return answer;
    },
    onError: (peer, error) => errors.push(`${peer}: ${(error as Error).message}`),
  });
  evidence.look();
});

let beats = 0;
/** Let time pass; the executors of `beating` are heard. */
async function pass(ms: number, beating: readonly string[] = []): Promise<void> {
  for (let left = ms; left > 0; left -= 1_000) {
    await bed.clock.advance(1_000);
    for (const id of beating) watch.heard(id, `x-${id}`, ++beats);
    evidence.look();
  }
}

/** The heartbeat file of s2, which hears e1 at `counter`. */
const beat = (counter: number | undefined, instance = "i-s2") =>
  bed.store().put(
    "heartbeats/s2.json",
    printHeartbeat({
      scheduler_id: "s2",
      instance_id: instance,
      counter: 1,
      ttl_ms: 30_000,
      last_heartbeat_ms: 0,
      executors: counter === undefined ? {} : { e1: { instance_id: "x-e1", counter } },
      queries: [],
    }),
    { kind: "any" },
  );
const peer = async (): Promise<PeerEvidence | undefined> => (await evidence.gather(signal))?.peers.get("s2");
const fileSilence = async () => {
  const found = await peer();
  return found?.kind === "file" ? found.silentForMs("e1", "x-e1") : found;
};

test("asks nobody while every executor is heard", async () => {
  await pass(limitMs - 1_000);
  expect(evidence.silent(state.document)).toEqual([]);
  expect(await evidence.gather(signal)).toBeUndefined();
  await pass(60_000, ["e1", "e2"]);
  expect(await evidence.gather(signal)).toBeUndefined();
  expect(asked).toEqual([]);
});

test("asks the others about those that are silent for 1.2 × executor_lost_after, and takes their word", async () => {
  await pass(limitMs, ["e2"]);
  expect(evidence.look()).toBe(true);
  const found = await evidence.gather(signal);
  expect(asked).toEqual([["s2-address", ["e1"]]]);
  expect(found).toMatchObject({ self: "s1", lostAfterMs, revision: state.document.revision });
  expect(found?.silentForMs("e1", "x-e1")).toBe(limitMs);
  expect(found?.peers.get("s2")).toEqual({
    kind: "answer",
    instance: "i-s2",
    silent: new Map([["e1", "x-e1"]]),
  });
  answer = ["e1"];
  expect(await peer()).toEqual({ kind: "answer", instance: "i-s2", silent: new Map() });
});

test("the evidence is about the newest document, not about the one that it had", async () => {
  await pass(limitMs, ["e2"]);
  const { revision } = state.document;
  const other = await bed.open("s3");
  expect(other.document.revision).toBeGreaterThan(revision);
  const found = await evidence.gather(signal);
  expect(found?.revision).toBe(other.document.revision);
  expect([...found!.peers.keys()].sort()).toEqual(["s2", "s3"]);
});

test("of a scheduler that does not answer, the counters in its file count from the first look at them", async () => {
  answer = new Error("no answer");
  await beat(7);
  await pass(limitMs, ["e2"]);
  expect(await fileSilence()).toBe(0);
  expect(errors).toEqual(["s2: no answer"]);
  await pass(5_000, ["e2"]);
  expect(await fileSilence()).toBe(5_000);
  await beat(8);
  expect(await fileSilence()).toBe(0);
  await pass(3_000, ["e2"]);
  expect(await fileSilence()).toBe(3_000);
});

test("a scheduler without a file, or whose file is of another process, does not hear", async () => {
  answer = new Error("no answer");
  await pass(limitMs, ["e2"]);
  expect(await fileSilence()).toBe(0);
  await beat(7, "older");
  await pass(4_000, ["e2"]);
  expect(await fileSilence()).toBe(4_000);
  await beat(undefined);
  expect(await fileSilence()).toBe(4_000);
  await beat(7);
  expect(await fileSilence()).toBe(0);
});

test("a file that cannot be read is no evidence", async () => {
  answer = new Error("no answer");
  await bed.store().put("heartbeats/s2.json", Buffer.from("{"), { kind: "any" });
  await pass(limitMs, ["e2"]);
  expect(await peer()).toBeUndefined();
  expect(errors).toHaveLength(2);
  expect(errors[1]).toMatch(/^s2: Heartbeat at heartbeats\/s2.json/);
});

test("watches files anew when all were heard in between, and after a pause of its own", async () => {
  answer = new Error("no answer");
  await beat(7);
  await pass(limitMs, ["e2"]);
  await fileSilence();
  await pass(1_000, ["e1", "e2"]);
  await evidence.gather(signal);
  await pass(limitMs, ["e2"]);
  expect(await fileSilence()).toBe(0);
  await pass(2_000, ["e2"]);
  expect(await fileSilence()).toBe(2_000);
  await bed.clock.advance(7_000);
  expect(evidence.look()).toBe(false);
  await pass(limitMs, ["e2"]);
  expect(await fileSilence()).toBe(0);
});

test("knows since when a scheduler is gone", async () => {
  await pass(limitMs, ["e2"]);
  expect((await evidence.gather(signal))?.sinceDepartureMs).toBe(Number.POSITIVE_INFINITY);
  await state.change((document) => ({ document: removeScheduler(document, "s2", "i-s2"), result: 0 }));
  await pass(3_000, ["e2"]);
  const found = await evidence.gather(signal);
  expect(found?.sinceDepartureMs).toBe(2_000);
  expect(found?.peers.size).toBe(0);
});

test("a store that is away passes through", async () => {
  await pass(limitMs);
  await bed.store().delete("cluster.json");
  await expect(evidence.gather(signal)).rejects.toThrow(
    "Cluster document is missing at memory:/cluster.json",
  );
});
