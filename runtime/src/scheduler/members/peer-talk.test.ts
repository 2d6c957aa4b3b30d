import { expect, test } from "@jest/globals";
import type { PeerNewsRequest } from "@spice-shards/proto";
import { StateBed } from "../../../test/support/state-bed.ts";
import { MORE_THAN_HALF_LOST } from "../../core/cluster/moves/loss.ts";
import type { ClusterState } from "../state/cluster-state.ts";
import { PeerTalk } from "./peer-talk.ts";

const bed = new StateBed();

/** What a scheduler says and is told; `own.condition` is that of its own last look at the moves. */
function talk(state: ClusterState) {
  const sent: PeerNewsRequest[] = [];
  const own: { condition: string | undefined; silent: string[]; newer: number } = {
    condition: undefined,
    silent: [],
    newer: 0,
  };
  const peers = new PeerTalk({
    state,
    clock: bed.clock,
    clients: {
      peerNews: async (_address, request) => {
        sent.push(request);
        return { revision: 1, heardExecutors: ["e2"], instanceId: "i", beatCounter: 7, node: undefined };
      },
    },
    silent: () => own.silent,
    beatCounter: () => 3,
    condition: () => own.condition,
    newer: () => {
      own.newer += 1;
    },
  });
  return { peers, sent, own };
}

test("every scheduler tells what keeps the driver from acting, as long as the driver says so", async () => {
  const driver = talk(await bed.open("s1", ["e1", "e2", "e3"]));
  const other = talk(await bed.open("s2"));
  const state = await bed.open("s3");
  const third = talk(state);
  driver.own.condition = MORE_THAN_HALF_LOST;
  expect(driver.peers.condition).toBe(MORE_THAN_HALF_LOST);
  expect(third.peers.condition).toBeUndefined();
  await driver.peers.heard(state.document.schedulers["s3"]!, ["e1", "e2"]);
  const [{ schedulerId, revision, suspectedExecutors, condition }] = driver.sent as [PeerNewsRequest];
  const tell = (said = condition) => third.peers.answer(schedulerId, revision, suspectedExecutors, said);
  tell();
  expect(third.peers.condition).toBe(MORE_THAN_HALF_LOST);
  await bed.clock.advance(10_000);
  expect(third.peers.condition).toBe(MORE_THAN_HALF_LOST);
  await bed.clock.advance(1);
  expect(third.peers.condition).toBeUndefined();
  tell();
  tell("");
  expect(third.peers.condition).toBeUndefined();
  // Nobody but the driver knows; and what it once found as the driver is not what is.
  third.peers.answer("s2", revision, suspectedExecutors, MORE_THAN_HALF_LOST);
  third.own.condition = MORE_THAN_HALF_LOST;
  other.own.condition = MORE_THAN_HALF_LOST;
  expect([third.peers.condition, other.peers.condition]).toEqual([undefined, undefined]);
  // News without a question say nothing of it.
  tell();
  third.peers.answer(schedulerId, revision, [], "");
  expect(third.peers.condition).toBe(MORE_THAN_HALF_LOST);
});

test("answers whom it hears and its own beat, and follows a newer document", async () => {
  const state = await bed.open("s4");
  const { peers, own } = talk(state);
  own.silent = ["e1"];
  const { revision } = state.document;
  expect(peers.answer("s1", revision, ["e1", "e2"], "")).toEqual({
    revision,
    heard: ["e2"],
    beat: { instance_id: "i-s4", counter: 3 },
  });
  expect(own.newer).toBe(0);
  peers.answer("s1", revision + 1, [], "");
  expect(own.newer).toBe(1);
  const peer = state.document.schedulers["s1"]!;
  expect(await peers.heard(peer, ["e1", "e2"])).toEqual(["e2"]);
  expect(await peers.beat(peer)).toEqual({ instance_id: "i", counter: 7 });
});
