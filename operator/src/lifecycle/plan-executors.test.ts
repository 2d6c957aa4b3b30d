import { describe, expect, test } from "@jest/globals";
import { planExecutors } from "./plan-executors.ts";
import type {
  ClusterExecutor,
  ClusterView,
  ExecutorInput,
  ExecutorPlan,
  ObservedClaim,
  ObservedExecutor,
  ObservedPod,
  ObservedStatefulSet,
  WantedExecutors,
} from "./types.ts";

const nowMs = 10_000_000;
const staying = { whenScaled: "Retain", whenDeleted: "Retain" } as const;
const leaving = { whenScaled: "Delete", whenDeleted: "Delete" } as const;

const setOf = (more: Partial<ObservedStatefulSet> = {}): ObservedStatefulSet => ({
  uid: "set",
  replicas: 1,
  templateHash: "a",
  observed: true,
  drifted: false,
  retention: staying,
  deleting: false,
  ...more,
});
const podOf = (index: number, more: Partial<ObservedPod> = {}): ObservedPod => ({
  name: `sales-executor-${index}-0`,
  uid: `pod-${index}`,
  ready: true,
  templateHash: "a",
  deleting: false,
  restarts: 0,
  createdMs: nowMs - 60_000,
  readyChangedMs: nowMs - 60_000,
  ...more,
});
const claimOf = (more: Partial<ObservedClaim> = {}): ObservedClaim => ({
  template: "data",
  name: "data-sales-executor-0-0",
  uid: "claim",
  deleting: false,
  requestedBytes: 100,
  capacityBytes: 100,
  resizing: false,
  allowsExpansion: true,
  storageClass: "fast",
  ...more,
});
const viewOf = (index: number, more: Partial<ClusterExecutor> = {}): ClusterExecutor => ({
  id: `e${index}`,
  index,
  instanceId: "1",
  state: "active",
  owned: 4,
  loaded: 4,
  moving: 0,
  ...more,
});
const drained = {
  state: "draining",
  owned: 0,
  loaded: 0,
  drain: { state: "DRAINED", remaining: 0 },
} as const;
const known = (...executors: readonly ClusterExecutor[]): ClusterView => ({
  kind: "known",
  revision: 1,
  appGeneration: 1,
  executors,
  partitions: { total: 8, assigned: 8, loaded: 8 },
  tables: [],
});
const executor = (index: number, more: Partial<ObservedExecutor> = {}): ObservedExecutor => ({
  statefulSet: setOf(),
  pod: podOf(index),
  claims: [],
  ...more,
});

/** Two executors as they shall be, but for what is given. */
function plan(
  more: Partial<Omit<ExecutorInput, "wanted" | "executors">> & {
    readonly wanted?: Partial<WantedExecutors> & { readonly template?: string };
    readonly executors?: readonly ObservedExecutor[];
  } = {},
): ExecutorPlan {
  const { wanted: { template = "a", ...wanted } = {}, executors, ...rest } = more;
  const replicas = wanted.replicas ?? 2;
  return planExecutors({
    nowMs,
    generation: 3,
    crashLoopThreshold: 10,
    schedulers: [podOf(9)],
    cluster: known(viewOf(0), viewOf(1)),
    ...rest,
    wanted: {
      replicas,
      paused: false,
      strategy: { type: "RollingOrdered", maxUnavailable: 1 },
      templateHashes: new Map(Array.from({ length: replicas }, (_, i) => [i, template])),
      claims: [{ template: "data", request: "100", bytes: 100 }],
      retention: { whenScaled: "Delete", whenDeleted: "Retain" },
      ...wanted,
    },
    executors: new Map((executors ?? [executor(0), executor(1)]).entries()),
  });
}

const said = ({ conditions }: ExecutorPlan) =>
  conditions.map(({ type, status, reason, message }) => `${type} ${status} ${reason}: ${message}`);
const kinds = ({ actions }: ExecutorPlan) =>
  actions.map((a) => `${a.kind} ${"index" in a ? (a.index ?? "scheduler") : ""}`.trim());

test("at rest nothing is done", () => {
  const resting = plan();
  expect(resting.actions).toEqual([]);
  expect(resting.requeueMs).toBeUndefined();
  expect(resting.schedulersMayRoll).toBe(true);
  expect(said(resting)).toEqual([
    "Progressing False AsExpected: nothing is under way",
    "Degraded False AsExpected: nothing stands in the way",
    "Paused False AsExpected: the cluster is not paused",
  ]);
});

test("a new cluster gets all executors at once", () => {
  const created = plan({ executors: [], cluster: { kind: "unreachable", reason: "no scheduler is ready" } });
  expect(kinds(created)).toEqual(["create 0", "create 1"]);
  expect(created.actions[0]).toMatchObject({
    shape: { replicas: 1, retention: staying, template: "wanted" },
  });
  expect(said(created)[0]).toBe("Progressing True ScalingUp: executors are created: 0, 1");
});

test("spec.paused changes nothing, whatever is wrong", () => {
  const paused = plan({ wanted: { paused: true, replicas: 1, template: "b" } });
  expect(paused.actions).toEqual([]);
  expect(said(paused)[2]).toBe("Paused True PausedByUser: spec.paused is true: nothing is changed");
});

test("drift is repaired without touching a template whose turn has not come", () => {
  const drifted = executor(0, { statefulSet: setOf({ drifted: true }) });
  expect(plan({ executors: [drifted, executor(1)] }).actions).toMatchObject([
    { kind: "repair", index: 0, shape: { template: "wanted" } },
  ]);
  const waiting = plan({ executors: [drifted, executor(1)], wanted: { template: "b" } });
  expect(waiting.actions[0]).toMatchObject({ kind: "repair", index: 0, shape: { template: "live" } });
});

describe("scale down", () => {
  const leave = (
    set: Partial<ObservedStatefulSet>,
    view: ClusterExecutor,
    more: Partial<ObservedExecutor> = {},
  ) =>
    plan({
      wanted: { replicas: 1 },
      executors: [executor(0), executor(1, { statefulSet: setOf(set), ...more })],
      cluster: known(viewOf(0), view),
    });
  const marked = { drainedFor: "removal", retention: leaving } as const;

  test("goes from mark to delete, step by step", () => {
    expect(kinds(leave({}, viewOf(1)))).toEqual(["mark 1", "drain 1"]);
    const draining = { state: "draining", drain: { state: "DRAINING", remaining: 4 } } as const;
    expect(kinds(leave({ drainedFor: "removal" }, viewOf(1, draining)))).toEqual([]);
    const retained = leave({ drainedFor: "removal" }, viewOf(1, drained));
    expect(retained.actions).toMatchObject([
      { kind: "set-retention", shape: { replicas: 1, retention: leaving } },
    ]);
    expect(kinds(leave({ ...marked, observed: false }, viewOf(1, drained)))).toEqual([]);
    expect(leave(marked, viewOf(1, drained)).actions).toMatchObject([
      { kind: "scale", shape: { replicas: 0 } },
    ]);
    const none = { ...marked, replicas: 0 };
    expect(kinds(leave(none, viewOf(1, drained)))).toEqual([]);
    const { pod: _, ...gone } = executor(1, { statefulSet: setOf(none), claims: [claimOf()] });
    const step = (last: ObservedExecutor) =>
      plan({
        wanted: { replicas: 1 },
        executors: [executor(0), last],
        cluster: known(viewOf(0), viewOf(1, drained)),
      });
    expect(step(gone).actions).toMatchObject([{ kind: "delete-claim", uid: "claim" }]);
    expect(kinds(step({ ...gone, claims: [claimOf({ deleting: true })] }))).toEqual([]);
    expect(step({ ...gone, claims: [] }).actions).toEqual([
      { kind: "delete-stateful-set", index: 1, uid: "set" },
    ]);
  });

  test("claims are kept where that is asked for", () => {
    const { pod: _, ...gone } = executor(1, {
      statefulSet: setOf({ ...marked, retention: staying, replicas: 0 }),
      claims: [claimOf()],
    });
    const retain = { replicas: 1, retention: { whenScaled: "Retain", whenDeleted: "Retain" } } as const;
    const kept = plan({
      wanted: retain,
      executors: [executor(0), gone],
      cluster: known(viewOf(0), viewOf(1, drained)),
    });
    expect(kinds(kept)).toEqual(["delete-stateful-set 1"]);
  });

  test("a blocked drain stops it and says why", () => {
    const blocked = leave(
      marked,
      viewOf(1, {
        state: "draining",
        drain: { state: "BLOCKED", remaining: 4, reason: "no other executor" },
      }),
    );
    expect(blocked.actions).toEqual([]);
    expect(said(blocked).slice(0, 2)).toEqual([
      "Progressing False DrainBlocked: executor 1 cannot be drained: no other executor",
      "Degraded True DrainBlocked: executor 1 cannot be drained: no other executor",
    ]);
  });

  test("a ready executor that no scheduler lists is not taken for empty", () => {
    const unlisted = (pod: ObservedPod) =>
      plan({
        wanted: { replicas: 1 },
        executors: [executor(0), executor(1, { statefulSet: setOf(marked), pod })],
        cluster: known(viewOf(0)),
      });
    expect(unlisted(podOf(1)).actions).toEqual([]);
    expect(said(unlisted(podOf(1)))[1]).toBe(
      "Degraded True DrainBlocked: sales-executor-1-0 is ready, but no scheduler lists it: it is not taken away before one does",
    );
    expect(kinds(unlisted(podOf(1, { ready: false })))).toEqual(["scale 1"]);
  });

  test("schedulers that cannot be asked stop it", () => {
    const stopped = plan({
      wanted: { replicas: 1 },
      cluster: { kind: "unreachable", reason: "connection refused" },
    });
    expect(stopped.actions).toEqual([]);
    expect(said(stopped)[1]).toBe(
      "Degraded True SchedulerUnreachable: executors leave: 1: no scheduler can be asked: connection refused",
    );
  });

  test("raised again, the executor takes partitions again", () => {
    const back = plan({
      executors: [executor(0), executor(1, { statefulSet: setOf(marked) })],
      cluster: known(viewOf(0), viewOf(1, drained)),
    });
    expect(kinds(back)).toEqual(["set-retention 1", "undrain 1", "mark 1"]);
    expect(back.actions[2]).toMatchObject({ shape: { retention: staying } });
    expect(back.actions[2]).not.toHaveProperty("shape.drainedFor");
  });
});

test("replicas: 0 stops without a drain and keeps the rest", () => {
  const stop = plan({ wanted: { replicas: 0 } });
  expect(stop.actions).toMatchObject([
    { kind: "scale", index: 0, shape: { replicas: 0, retention: staying } },
    { kind: "scale", index: 1, shape: { replicas: 0, retention: staying } },
  ]);
  expect(said(stop)[2]).toBe(
    "Paused True NoExecutors: executorSpec.replicas is 0: executors are stopped, their volumes are kept",
  );
  const unsafe = executor(1, { statefulSet: setOf({ retention: leaving, drainedFor: "removal" }) });
  const safe = plan({ wanted: { replicas: 0 }, executors: [executor(0), unsafe] });
  expect(kinds(safe)).toEqual(["scale 0", "set-retention 1"]);
});

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

describe("crash loops", () => {
  const looping = podOf(1, {
    ready: false,
    restarts: 11,
    waitingReason: "CrashLoopBackOff",
    lastError: "disk full",
  });
  const executors = [executor(0), executor(1, { pod: looping })];
  const pause = { reason: "CrashLooping", generation: 3 } as const;

  test("pause the cluster above the threshold, once", () => {
    const begun = plan({ executors, resume: "old" });
    expect(begun.actions).toMatchObject([{ kind: "pause", pause: { ...pause, resume: "old" } }]);
    expect(said(begun)[2]).toBe(
      "Paused True CrashLooping: sales-executor-1-0 (CrashLoopBackOff: disk full) failed 11 times, more than 10; change the spec or set the annotation spice.ai/resume to another value",
    );
    expect(plan({ executors, pause }).actions).toEqual([]);
    expect(plan({ executors, crashLoopThreshold: 11 }).actions).toEqual([]);
    expect(plan({ executors, crashLoopThreshold: 0 }).actions).toEqual([]);
  });

  test.each([
    ["the next generation", { generation: 4 }],
    ["the annotation", { resume: "please" }],
    ["a threshold of 0", { crashLoopThreshold: 0 }],
  ])("%s ends the pause, after the pods are replaced", (_name, change) => {
    const ending = plan({ executors, pause, ...change });
    expect(kinds(ending)).toEqual(["delete-pod 1"]);
    const after = plan({ pause, ...change });
    expect(kinds(after)).toEqual(["resume"]);
  });

  test("a scheduler's pod counts as well", () => {
    const scheduler = { ...looping, name: "sales-scheduler-x", uid: "s" };
    expect(kinds(plan({ schedulers: [scheduler] }))).toEqual(["pause"]);
    expect(plan({ schedulers: [scheduler], pause, generation: 4 }).actions).toMatchObject([
      { kind: "delete-pod", index: undefined, pod: "sales-scheduler-x", uid: "s" },
    ]);
  });
});

describe("volumes", () => {
  const grown = (claim: Partial<ObservedClaim>) =>
    plan({
      wanted: { claims: [{ template: "data", request: "200", bytes: 200 }] },
      executors: [executor(0, { claims: [claimOf(claim)] }), executor(1)],
    });

  test("grow while the pods run", () => {
    const claim = "data-sales-executor-0-0";
    expect(grown({}).actions).toEqual([{ kind: "expand-claim", index: 0, claim, request: "200" }]);
    const under = grown({ requestedBytes: 200, resizing: true });
    expect(under.actions).toEqual([]);
    expect(said(under)[0]).toBe(`Progressing True VolumeExpansion: claim ${claim} grows to 200`);
    expect(grown({ requestedBytes: 200, capacityBytes: 256 }).conditions[0]).toMatchObject({
      status: "False",
    });
  });

  test("a class that forbids it is named", () => {
    const refused = grown({ allowsExpansion: false });
    expect(refused.actions).toEqual([]);
    expect(said(refused)[1]).toBe(
      "Degraded True VolumeExpansionRefused: claim data-sales-executor-0-0 cannot grow to 200: its storage class fast does not allow expansion",
    );
  });

  test("never shrink", () => {
    const smaller = grown({ requestedBytes: 300, capacityBytes: 300 });
    expect(smaller.actions).toEqual([]);
    expect(said(smaller)[1]).toMatch(/is larger than 200; a volume can grow but not shrink$/);
  });
});
