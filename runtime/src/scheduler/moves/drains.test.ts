import { beforeEach, describe, expect, test } from "@jest/globals";
import { StateBed } from "../../../test/support/state-bed.ts";
import { ReportBook } from "../../core/cluster/membership/reports.ts";
import { cluster } from "../../core/cluster/moves/testing/cluster.ts";
import type { ClusterState } from "../state/cluster-state.ts";
import { Drains } from "./drains.ts";
import { MoveDriver } from "./move-driver.ts";

let bed: StateBed;
let state: ClusterState;
let drains: Drains;
let live: string[];

/** Give every partition to `owner` alone. */
async function own(owner: string): Promise<void> {
  const { accelerations } = cluster(1, [6]).document;
  const { t0 } = accelerations;
  const edit = t0!.partitions.edit();
  for (let i = 0; i < t0!.partitions.count; i++) edit.promote(i, owner, 1, 0);
  const table = { ...t0!, partitions: edit.build() };
  await state.change((document) => ({ document: { ...document, accelerations: { t0: table } }, result: 0 }));
}

beforeEach(async () => {
  bed = new StateBed();
  state = await bed.open("s1", ["e1", "e2"]);
  live = ["e1", "e2"];
  const { clock } = bed;
  const moves = new MoveDriver({
    clock,
    evidence: { gather: async () => undefined },
    book: new ReportBook(),
    settings: {
      maxPartitionsPerExecutor: 100,
      maxPartitionAssignmentsPerInterval: 100,
      maxPartitionMoveBytes: 2 ** 40,
    },
    live: () => live,
  });
  drains = new Drains({ state, clock, moves });
});

describe("a drain", () => {
  test("is written to the document, once", async () => {
    await own("e1");
    const { revision } = state.document;
    expect(await drains.drain("e1", 0)).toEqual({ already: false, state: "DRAINING", remaining: 6 });
    expect(state.document).toMatchObject({
      revision: revision + 1,
      executors: { e1: { state: "draining" }, e2: { state: "active" } },
    });
    expect(await drains.drain("e1", 0)).toMatchObject({ already: true });
    expect(state.document.revision).toBe(revision + 1);
  });

  test("of an executor that has nothing is over at once", async () => {
    await own("e1");
    expect(await drains.drain("e2", 60_000)).toEqual({ already: false, state: "DRAINED", remaining: 0 });
  });

  test("waits until the executor is empty", async () => {
    await own("e1");
    let done: unknown;
    const draining = drains.drain("e1", 10_000).then((status) => {
      done = status;
    });
    for (let i = 0; i < 5; i++) await bed.clock.advance(1_000);
    expect(done).toBeUndefined();
    await own("e2");
    await bed.clock.advance(200);
    await draining;
    expect(done).toEqual({ already: false, state: "DRAINED", remaining: 0 });
  });

  test("waits no longer than asked, or than whoever asked", async () => {
    await own("e1");
    const draining = drains.drain("e1", 1_000);
    while (bed.clock.sleeping === 0) await new Promise(setImmediate);
    await bed.clock.advance(1_000);
    expect(await draining).toMatchObject({ state: "DRAINING", remaining: 6 });
    const gone = new AbortController();
    const given = drains.drain("e1", 60_000, gone.signal);
    while (bed.clock.sleeping === 0) await new Promise(setImmediate);
    gone.abort(new Error("the caller is gone"));
    await expect(given).rejects.toThrow("the caller is gone");
  });

  test("is blocked, with the reason, where nobody can take over", async () => {
    await own("e1");
    live = ["e1"];
    expect(await drains.drain("e1", 0)).toMatchObject({
      state: "BLOCKED",
      remaining: 6,
      reason: "no other active executor is heard",
    });
    live = ["e1", "e2"];
    expect(drains.status("e1")).toEqual({ state: "DRAINING", remaining: 6 });
  });

  test("ends by undrain, which says whether there was one", async () => {
    await drains.drain("e1", 0);
    expect(await drains.undrain("e1")).toBe(true);
    expect(state.document.executors["e1"]?.state).toBe("active");
    const { revision } = state.document;
    expect(await drains.undrain("e1")).toBe(false);
    expect(state.document.revision).toBe(revision);
  });

  test("of an unknown executor is refused with the names of the members", async () => {
    const { revision } = state.document;
    const refused = {
      name: "UnknownExecutorError",
      message: "Executor e9 is not a member of this cluster. Its executors: e1, e2",
    };
    await expect(drains.drain("e9", 0)).rejects.toMatchObject(refused);
    await expect(drains.undrain("e9")).rejects.toMatchObject(refused);
    expect(state.document.revision).toBe(revision);
    await state.change((document) => ({ document: { ...document, executors: {} }, result: 0 }));
    await expect(drains.drain("e1", 0)).rejects.toThrow("It has no executors");
  });
});
