import { describe, expect, test } from "@jest/globals";
import { executor, kinds, plan, podOf, said } from "./testing/planner-inputs.ts";

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
