import { expect, test } from "@jest/globals";
import { parseSpicepod } from "@spice-shards/spicepod";
import { TestClock } from "../../../test/support/test-clock.ts";
import type { LossEvidence } from "../../core/cluster/moves/judge-loss.ts";
import type { MoveReport } from "../../core/cluster/moves/move-input.ts";
import { cluster, owners, report, type TestCluster } from "../../core/cluster/moves/testing/cluster.ts";
import type { EvidenceGatherer } from "./evidence-gatherer.ts";
import { MoveDriver } from "./move-driver.ts";

const noneIsSilent: Pick<EvidenceGatherer, "gather"> = { gather: async () => undefined };

/** Learners that begin when a second executor joins one that owns twelve partitions of 1 MB. */
async function learnersUnder(settings: string): Promise<number> {
  const { spicepod } = parseSpicepod(`runtime: {scheduler: {${settings}}}`);
  const c = cluster(1, [12]);
  const { partitions } = c.document.accelerations["t0"]!;
  for (let i = 0; i < partitions.count; i += 1) {
    c.report("e0", { ...report("t0", partitions.key(i), partitions.epoch(i)), bytes: 1_000_000 });
  }
  c.join("new");
  const driver = new MoveDriver({
    clock: { wallMs: () => 0, monotonicMs: () => 0, sleep: async () => undefined },
    evidence: noneIsSilent,
    book: c.reports,
    settings: spicepod!.runtime.scheduler!,
    live: () => c.live(),
  });
  const change = await driver.prepare(new AbortController().signal);
  return change(c.document).result.moving;
}

test("the spicepod's limits bound how much moves at a time", async () => {
  expect(await learnersUnder("")).toBe(6);
  expect(await learnersUnder("max_partition_assignments_per_interval: 4")).toBe(4);
  expect(await learnersUnder("max_partition_move_bytes: 3MB")).toBe(3);
  expect(await learnersUnder("max_partition_move_bytes: 1KB")).toBe(1);
});

const { signal } = new AbortController();

/** A driver over a cluster of `c`, whose evidence is that those of `silent` are lost. */
function driver(c: TestCluster, silent: () => readonly string[] = () => []) {
  const reports: MoveReport[] = [];
  const evidence = (): LossEvidence => ({
    revision: c.document.revision,
    self: "s1",
    lostAfterMs: 10_000,
    sinceDepartureMs: Number.POSITIVE_INFINITY,
    silentForMs: (id) => (silent().includes(id) ? 12_000 : 0),
    peers: new Map(),
  });
  const moves = new MoveDriver({
    clock: new TestClock(),
    evidence: { gather: async () => (silent().length === 0 ? undefined : evidence()) },
    book: c.reports,
    settings: {
      maxPartitionsPerExecutor: 100,
      maxPartitionAssignmentsPerInterval: 100,
      maxPartitionMoveBytes: 2 ** 40,
    },
    live: () => c.live().filter((id) => !silent().includes(id)),
    onReport: (result) => reports.push(result),
  });
  return { moves, reports };
}

test("without evidence nobody is lost, whoever is not heard here", async () => {
  const c = cluster(3, [6]);
  c.dead.add("e2");
  const change = await driver(c).moves.prepare(signal);
  expect(change(c.document)).toMatchObject({ document: c.document, result: { removed: [], steps: [] } });
});

test("with evidence the lost one goes out in the very change that gives its partitions away", async () => {
  const c = cluster(3, [6]);
  const { moves, reports } = driver(c, () => ["e2"]);
  const { document, result } = (await moves.prepare(signal))(c.document);
  expect(result.removed).toEqual(["e2"]);
  expect(Object.keys(document.executors)).toEqual(["e0", "e1"]);
  expect(result.steps.filter(({ kind }) => kind === "learn")).toHaveLength(2);
  expect([reports, moves.condition]).toEqual([[], undefined]);
  moves.done(result);
  expect(reports).toEqual([result]);
});

test("evidence counts for one revision of the document: another one is left as it is", async () => {
  const c = cluster(3, [6]);
  const { moves } = driver(c, () => ["e2"]);
  const change = await moves.prepare(signal);
  const newer = { ...c.document, revision: c.document.revision + 1 };
  expect(change(newer)).toMatchObject({ document: newer, result: { removed: [] } });
});

test("what keeps the loss of most executors from being acted on is told until it is over", async () => {
  const c = cluster(3, [6]);
  let silent = ["e1", "e2"];
  const { moves } = driver(c, () => silent);
  const plan = async () => {
    const { document, result } = (await moves.prepare(signal))(c.document);
    moves.done(result);
    return document;
  };
  expect(await plan()).toBe(c.document);
  expect(moves.condition).toBe("more than half of the executors look lost");
  silent = [];
  await plan();
  expect(moves.condition).toBeUndefined();
});

test("takes reports of the present process of an executor alone", async () => {
  const c = cluster(2, [4]);
  c.join("e2");
  c.plan();
  const [{ table, key }] = c.last.steps as [MoveReport["steps"][number]];
  const loaded = report(table, key, c.epoch(table, key));
  const { moves } = driver(c);
  c.report("e2", loaded, "older");
  expect((await moves.prepare(signal))(c.document).result.steps).toEqual([]);
  c.report("e2", loaded);
  expect((await moves.prepare(signal))(c.document).result.steps).toMatchObject([{ kind: "promote" }]);
});

test("says which drains are blocked, and plans nothing while none is asked for", async () => {
  const c = cluster(2, [4]);
  const { moves } = driver(c);
  expect(moves.blocked(c.document)).toEqual(new Map());
  c.drain("e0");
  expect(moves.blocked(c.document)).toEqual(new Map());
  c.drain("e1");
  expect(moves.blocked(c.document).get("e0")).toBe("no other active executor is heard");
  expect(owners(c.document)).toEqual(
    new Map([
      ["e0", 2],
      ["e1", 2],
    ]),
  );
});
