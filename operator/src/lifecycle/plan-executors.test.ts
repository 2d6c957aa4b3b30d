import { expect, test } from "@jest/globals";
import { executor, kinds, plan, said, setOf, staying } from "./testing/planner-inputs.ts";

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
