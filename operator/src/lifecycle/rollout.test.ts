import { describe, expect, test } from "@jest/globals";
import {
  drained,
  executor,
  kinds,
  known,
  nowMs,
  plan,
  podOf,
  said,
  setOf,
  viewOf,
} from "./testing/planner-inputs.ts";
import type { ObservedStatefulSet } from "./types.ts";

describe("rollout", () => {
  const turn = { templateHash: "b", drainedFor: "update" } as const;
  const broken = podOf(1, {
    templateHash: "b",
    ready: false,
    waitingReason: "CrashLoopBackOff",
    lastError: "exec format error",
    restarts: 3,
  });

  test("begins with the highest index, drains it and replaces its pod", () => {
    const begun = plan({ wanted: { template: "b" } });
    expect(begun.actions).toMatchObject([
      { kind: "apply-template", index: 1, shape: { template: "wanted", drainedFor: "update" } },
    ]);
    expect(begun.schedulersMayRoll).toBe(false);
    expect(said(begun)[0]).toBe("Progressing True RollingOut: 0 of 2 executors are updated");
    const executors = [executor(0), executor(1, { statefulSet: setOf(turn) })];
    expect(kinds(plan({ wanted: { template: "b" }, executors }))).toEqual(["drain 1"]);
    const cluster = known(viewOf(0), viewOf(1, drained));
    expect(plan({ wanted: { template: "b" }, executors, cluster }).actions).toMatchObject([
      { kind: "delete-pod", index: 1, pod: "sales-executor-1-0", uid: "pod-1" },
    ]);
  });

  test("waits for partitions before the next turn", () => {
    const updated = executor(1, {
      statefulSet: setOf({ templateHash: "b" }),
      pod: podOf(1, { templateHash: "b" }),
    });
    const executors = [executor(0), updated];
    const loading = plan({
      wanted: { template: "b" },
      executors,
      cluster: known(viewOf(0), viewOf(1, { loaded: 3 })),
    });
    expect(loading.actions).toEqual([]);
    expect(said(loading)[0]).toMatch(/; sales-executor-1-0 loads its partitions$/);
    expect(kinds(plan({ wanted: { template: "b" }, executors }))).toEqual(["apply-template 0"]);
  });

  test("goes on until the last one is back", () => {
    const updated = executor(1, {
      statefulSet: setOf({ templateHash: "b" }),
      pod: podOf(1, { templateHash: "b" }),
    });
    const last = { statefulSet: setOf(turn) };
    const { pod: _, ...away } = executor(0, last);
    const starting = executor(0, { ...last, pod: podOf(0, { templateHash: "b", ready: false }) });
    for (const [member, count] of [
      [away, 1],
      [starting, 2],
    ] as const) {
      const said0 = said(plan({ wanted: { template: "b" }, executors: [member, updated] }))[0];
      expect(said0).toContain(`Progressing True RollingOut: ${count} of 2 executors are updated; `);
    }
    // An executor that is away for another reason is none of the rollout's.
    const lost = { ...away, statefulSet: setOf({ templateHash: "b" }) };
    const after = said(plan({ wanted: { template: "b" }, executors: [lost, updated] }))[0];
    expect(after).toMatch(/^Progressing True ExecutorsNotReady/);
  });

  test("stops at a canary that does not become ready, naming it", () => {
    const canary = executor(1, { statefulSet: setOf({ templateHash: "b" }), pod: broken });
    const stopped = plan({ wanted: { template: "b" }, executors: [executor(0), canary] });
    expect(stopped.actions).toEqual([]);
    expect(said(stopped)[1]).toBe(
      "Degraded True RolloutStopped: the rollout stopped: sales-executor-1-0 (CrashLoopBackOff: exec format error) does not become ready; no other executor is changed",
    );
    expect(stopped.schedulersMayRoll).toBe(false);
  });

  test("a revert replaces the canary at once, without a scheduler and without a drain", () => {
    const cluster = { kind: "unreachable", reason: "x" } as const;
    const canary = executor(1, { statefulSet: setOf({ templateHash: "b" }), pod: broken });
    expect(plan({ cluster, executors: [executor(0), canary] }).actions).toMatchObject([
      { kind: "apply-template", index: 1, shape: { template: "wanted" } },
    ]);
    const back = { ...canary, statefulSet: setOf() };
    expect(kinds(plan({ cluster, executors: [executor(0), back] }))).toEqual(["delete-pod 1"]);
  });

  test("a pod that is not ready for ten minutes has failed", () => {
    const at = (readyChangedMs: number) => {
      const pod = podOf(1, { templateHash: "b", ready: false, createdMs: 0, readyChangedMs });
      const slow = executor(1, { statefulSet: setOf({ templateHash: "b" }), pod });
      return plan({ wanted: { template: "b" }, executors: [executor(0), slow] });
    };
    expect(said(at(nowMs - 599_000))[1]).toMatch(/^Degraded False/);
    expect(at(nowMs - 599_000).requeueMs).toBeLessThanOrEqual(1_001);
    expect(said(at(nowMs - 601_000))[1]).toMatch(/^Degraded True RolloutStopped: .*sales-executor-1-0/);
  });

  test("a single executor is not drained", () => {
    const one = (statefulSet: ObservedStatefulSet) =>
      plan({ wanted: { replicas: 1, template: "b" }, executors: [executor(0, { statefulSet })] });
    expect(one(setOf()).actions).toMatchObject([{ kind: "apply-template", index: 0 }]);
    expect(one(setOf()).actions[0]).not.toHaveProperty("shape.drainedFor");
    expect(kinds(one(setOf({ templateHash: "b" })))).toEqual(["delete-pod 0"]);
  });

  test("RollingParallel goes wide only after the canary", () => {
    const strategy = { type: "RollingParallel", maxUnavailable: 2 } as const;
    const old = [executor(0), executor(1), executor(2), executor(3)];
    const cluster = known(viewOf(0), viewOf(1), viewOf(2), viewOf(3));
    const wanted = { replicas: 4, template: "b", strategy };
    expect(kinds(plan({ wanted, executors: old, cluster }))).toEqual(["apply-template 3"]);
    const updated = executor(3, {
      statefulSet: setOf({ templateHash: "b" }),
      pod: podOf(3, { templateHash: "b" }),
    });
    const executors = [...old.slice(0, 3), updated];
    expect(kinds(plan({ wanted, executors, cluster }))).toEqual(["apply-template 2", "apply-template 1"]);
  });

  test("schedulers of which none works need not wait", () => {
    expect(
      plan({ wanted: { template: "b" }, schedulers: [podOf(9, { ready: false })] }).schedulersMayRoll,
    ).toBe(true);
  });

  test("a drain by people is left alone", () => {
    const cluster = known(viewOf(0), viewOf(1, drained));
    const resting = plan({ cluster });
    expect(resting.actions).toEqual([]);
    expect(said(resting)[0]).toBe("Progressing False AsExpected: nothing is under way");
    const updated = executor(1, {
      statefulSet: setOf({ templateHash: "b" }),
      pod: podOf(1, { templateHash: "b" }),
    });
    const waiting = plan({ wanted: { template: "b" }, executors: [executor(0), updated], cluster });
    expect(waiting.actions).toEqual([]);
    expect(said(waiting)[0]).toMatch(
      /sales-executor-1-0 is drained by hand, and the rollout waits until that ends$/,
    );
  });
});
