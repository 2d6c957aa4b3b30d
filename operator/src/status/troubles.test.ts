import { expect, test } from "@jest/globals";
import type { ObservedPod } from "../lifecycle/types.ts";
import { troublesOf } from "./troubles.ts";

const pod = (name: string, more: Partial<ObservedPod>): ObservedPod => ({
  ...{ name, uid: name, ready: false, templateHash: "", deleting: false, restarts: 0 },
  ...{ createdMs: 0, readyChangedMs: 0 },
  ...more,
});
const unbound = { name: "data-b-0", storageClass: "slow", bound: false };

test("pods that say why they are not ready are told in the order of their names", () => {
  const pods = [
    pod("c", { waitingReason: "ImagePullBackOff", lastError: "no such tag" }),
    pod("a", { lastError: "disk full" }),
    pod("starts", {}),
    pod("is-made", { waitingReason: "ContainerCreating" }),
    pod("runs", { ready: true, lastError: "of its last life" }),
    pod("goes", { deleting: true, waitingReason: "CrashLoopBackOff" }),
  ];
  expect(troublesOf(pods)).toEqual(["a (disk full)", "c (ImagePullBackOff: no such tag)"]);
});

test("claims without a volume are told while a pod finds no host", () => {
  const bound = { name: "data-a-0", storageClass: undefined, bound: true };
  const waits = pod("b", { waitingReason: "Unschedulable", lastError: "0/2 nodes are available" });
  expect(troublesOf([waits], [unbound, bound, { ...unbound, name: "log", storageClass: undefined }])).toEqual(
    [
      "b (Unschedulable: 0/2 nodes are available)",
      "claim data-b-0 has no volume of the class slow yet",
      "claim log has no volume yet",
    ],
  );
  expect(troublesOf([pod("b", {})], [unbound])).toEqual([]);
});
