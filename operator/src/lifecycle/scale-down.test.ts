import { describe, expect, test } from "@jest/globals";
import {
  claimOf,
  drained,
  executor,
  kinds,
  known,
  leaving,
  plan,
  podOf,
  said,
  setOf,
  staying,
  viewOf,
} from "./testing/planner-inputs.ts";
import type { ClusterExecutor, ObservedExecutor, ObservedPod, ObservedStatefulSet } from "./types.ts";

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
