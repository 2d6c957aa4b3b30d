import { expect, test } from "@jest/globals";
import { parseSpicepod } from "@spice-shards/spicepod";
import { cluster, report } from "../../core/cluster/moves/testing/cluster.ts";
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
