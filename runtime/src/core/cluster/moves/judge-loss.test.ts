import { describe, expect, test } from "@jest/globals";
import { newDocument, type SchedulerEntry } from "../document/document.ts";
import { registerExecutor, registerScheduler, removeScheduler } from "../membership/membership.ts";
import { DepartureWatch } from "./departure-watch.ts";
import { judgeLoss, type LossEvidence, type PeerEvidence, unheard } from "./judge-loss.ts";

const scheduler = (id: string): SchedulerEntry => ({
  scheduler_id: id,
  instance_id: `i-${id}`,
  advertise_address: id,
  grpc_address: id,
  http_address: id,
  started_at_ms: 0,
  ttl_ms: 30_000,
  build_version: "1",
  labels: {},
  last_write_seq: 0,
});
const document = registerExecutor(
  { ...newDocument("c", 0), schedulers: { a: scheduler("a"), b: scheduler("b"), c: scheduler("c") } },
  "e",
  "x",
);
const silent: PeerEvidence = { kind: "answer", instance: "i-b", silent: new Map([["e", "x"]]) };
const file = (ms: number | undefined): PeerEvidence => ({
  kind: "file",
  instance: "i-c",
  silentForMs: () => ms,
});
const evidence = (more: Partial<LossEvidence> = {}): LossEvidence => ({
  revision: document.revision,
  self: "a",
  lostAfterMs: 10_000,
  sinceDepartureMs: Number.POSITIVE_INFINITY,
  silentForMs: () => 12_000,
  peers: new Map([
    ["b", silent],
    ["c", file(47_000)],
  ]),
  ...more,
});
const peers = (b: PeerEvidence | undefined, c: PeerEvidence | undefined) => ({
  peers: new Map([
    ...(b === undefined ? [] : [["b", b] as const]),
    ...(c === undefined ? [] : [["c", c] as const]),
  ]),
});

describe("the loss of an executor", () => {
  test("takes the silence of every scheduler", () => {
    expect([...judgeLoss(document, evidence())]).toEqual(["e"]);
  });

  test.each<[string, Partial<LossEvidence>]>([
    ["heard here a moment too lately", { silentForMs: () => 11_999 }],
    ["not watched here", { silentForMs: () => undefined }],
    ["heard by a peer", peers({ ...silent, silent: new Map() } as PeerEvidence, file(47_000))],
    [
      "another process for a peer",
      peers({ ...silent, silent: new Map([["e", "y"]]) } as PeerEvidence, file(47_000)),
    ],
    ["a peer is another process", peers({ ...silent, instance: "other" }, file(47_000))],
    ["nothing is known of a peer", peers(silent, undefined)],
    ["a file is not old enough", peers(silent, file(46_999))],
    ["a file was not watched", peers(silent, file(undefined))],
    ["the document is another", { revision: 2 }],
    ["a scheduler left a moment ago", { sinceDepartureMs: 11_999 }],
  ])("is not judged: %s", (_, more) => {
    expect(judgeLoss(document, evidence(more)).size).toBe(0);
  });

  test("departures are counted in the document, also of one that came and went unseen", () => {
    const watch = new DepartureWatch();
    watch.look(document, 0);
    watch.look(document, 5);
    expect(watch.sinceMs(9)).toBe(Number.POSITIVE_INFINITY);
    const visited = removeScheduler(registerScheduler(document, scheduler("d"), undefined), "d", "i-d");
    watch.look(visited, 10);
    expect(watch.sinceMs(15)).toBe(5);
    watch.look(registerScheduler(visited, { ...scheduler("b"), instance_id: "new" }, "i-b"), 20);
    expect(watch.sinceMs(21)).toBe(1);
  });
});

test.each([
  [10_000, 4_999, []],
  [10_000, 5_000, ["e"]],
  // A beat that is a little late is no silence, however short the leases are.
  [2_000, 2_999, []],
  [2_000, 3_000, ["e"]],
])(
  "with leases of %i ms an executor silent for %i ms may be going: %j",
  (lostAfterMs, silentMs, expected) => {
    expect(unheard(document, () => silentMs, lostAfterMs)).toEqual(expected);
    expect(unheard(document, () => undefined, lostAfterMs)).toEqual([]);
  },
);
