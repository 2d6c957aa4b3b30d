import { describe, expect, test } from "@jest/globals";
import { cluster, owners, report } from "./testing/cluster.ts";

describe("promotion", () => {
  const moving = () => {
    const c = cluster(2, [4]);
    c.join("e2");
    c.plan();
    return c;
  };

  test("makes a loaded learner the owner under the next epoch and takes the old owner out", () => {
    const c = moving();
    const [step] = c.last.steps;
    expect(step).toMatchObject({ kind: "learn", cause: "rebalance", executor: "e2" });
    const epoch = c.epoch(step!.table, step!.key);
    c.report("e2", report(step!.table, step!.key, epoch));
    c.plan();
    expect(c.last.steps).toEqual([{ ...step, kind: "promote", cause: "promotion" }]);
    expect(c.holders(step!.table, step!.key)).toEqual({ holders: ["e2"], learners: [], epoch: epoch + 1 });
    c.plan();
    expect(c.last.steps).toEqual([]);
  });

  test("replaces a learner that failed, and does not try it again for that partition", () => {
    const c = moving();
    const { table, key } = c.last.steps[0]!;
    const failed = { ...report(table, key, c.epoch(table, key)), state: "failed", error: "disk" } as const;
    c.report("e2", failed);
    c.finish();
    expect(c.holders(table, key).learners).toEqual([]);
    expect(c.holders(table, key).holders).not.toEqual(["e2"]);
    expect(owners(c.document).get("e2")).toBe(1);
  });

  test.each([
    ["still loads", { state: "loading" as const }],
    ["loaded under an older epoch", { epochBy: -1 }],
    ["is behind the owner", { version: 4 }],
    ["was another process", { instance: "older" }],
  ])("leaves a learner that %s", (_, change) => {
    const c = moving();
    const { table, key, from } = c.last.steps[0]!;
    const epoch = c.epoch(table, key);
    c.report(from!, { ...report(table, key, epoch), version: 5 });
    const {
      epochBy = 0,
      instance,
      ...more
    } = { epochBy: 0, ...change } as {
      epochBy?: number;
      instance?: string;
    };
    c.report("e2", { ...report(table, key, epoch + epochBy), version: 5, ...more }, instance);
    c.plan();
    expect(c.last.steps).toEqual([]);
    expect(owners(c.document).get("e2") ?? 0).toBe(0);
  });
});

describe("rebalance", () => {
  test("waits for a drain that is under way, and not for an executor that was emptied and stays", () => {
    const c = cluster(3, [12]);
    c.drain("e0");
    c.join("e3");
    const { steps } = c.plan({ settings: { maxPartitionAssignmentsPerInterval: 2 } });
    expect(steps.map(({ cause }) => cause)).toEqual(["drain", "drain"]);
    c.finish();
    expect([...owners(c.document)].sort()).toEqual([
      ["e1", 4],
      ["e2", 4],
      ["e3", 4],
    ]);
    // It comes while the empty one still drains.
    c.join("e4");
    c.finish();
    expect([...owners(c.document)].sort()).toEqual([
      ["e1", 3],
      ["e2", 3],
      ["e3", 3],
      ["e4", 3],
    ]);
    expect(c.document.executors["e0"]?.state).toBe("draining");
  });
});
