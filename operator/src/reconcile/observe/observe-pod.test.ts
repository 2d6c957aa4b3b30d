import { expect, test } from "@jest/globals";
import type { ContainerState, PodObject } from "../objects.ts";
import { observePod } from "./observe-pod.ts";

const observed = (status: NonNullable<PodObject["status"]>) => {
  const { waitingReason, lastError } = observePod({
    ...{ apiVersion: "v1", kind: "Pod", metadata: { name: "p", namespace: "n", uid: "u" } },
    status,
  });
  return { waitingReason, lastError };
};
const container = (state: ContainerState, lastState: ContainerState = {}) => ({
  containerStatuses: [{ restartCount: 1, state, lastState }],
});
const backOff = { waiting: { reason: "CrashLoopBackOff", message: "back-off 40s restarting" } };

test.each<[string, NonNullable<PodObject["status"]>, string | undefined, string | undefined]>([
  [
    "its last words, of several lines the last one",
    container(backOff, {
      terminated: { reason: "Error", exitCode: 1, message: "first\n cannot start \n\n" },
    }),
    "CrashLoopBackOff",
    "cannot start",
  ],
  [
    "how it ended when it said nothing, in words that the back-off does not change",
    container(backOff, { terminated: { reason: "OOMKilled", exitCode: 137 } }),
    "CrashLoopBackOff",
    "OOMKilled, exit code 137",
  ],
  [
    "what it waits for",
    container({ waiting: { reason: "ErrImagePull", message: "no such tag" } }),
    "ErrImagePull",
    "no such tag",
  ],
  [
    "why it has no host",
    {
      conditions: [
        { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "2 Insufficient memory." },
      ],
    },
    "Unschedulable",
    "2 Insufficient memory.",
  ],
  [
    "why its host ended it",
    {
      phase: "Failed",
      reason: "Evicted",
      message: "The node was low on resource: ephemeral-storage.",
      ...container({ terminated: { reason: "Error", exitCode: 143, message: "stopping" } }),
    },
    "Evicted",
    "The node was low on resource: ephemeral-storage.",
  ],
  ["nothing while it starts", container({}), undefined, undefined],
])("a pod tells %s", (_, status, waitingReason, lastError) => {
  expect(observed(status)).toEqual({ waitingReason, lastError });
});
