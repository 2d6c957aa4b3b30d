import type { Script } from "../script.ts";

/** An id that a dead process held is free for its next one after the TTL and 5 s. */
const afterTakeOverMs = 75_000;

/** Schedulers that die, stand still or come back. A client that asks another one sees no failure. */
export const schedulerScripts: readonly Script[] = [
  {
    name: "kill-the-driver",
    steps: [
      { do: "kill", who: ["driver"] },
      { do: "wait", ms: 2_000 },
    ],
    failures: "none",
    stays: true,
    convergesWithinMs: afterTakeOverMs,
  },
  {
    name: "kill-two-schedulers",
    long: true,
    steps: [
      { do: "kill", who: ["driver", "follower"] },
      { do: "wait", ms: 2_000 },
    ],
    failures: "none",
    stays: true,
    convergesWithinMs: afterTakeOverMs,
  },
  {
    name: "kill-another-scheduler-in-a-loss",
    long: true,
    steps: [
      { do: "kill", who: ["e0", "follower"] },
      { do: "wait", ms: 3_000 },
    ],
    failures: "refused",
    convergesWithinMs: afterTakeOverMs,
  },
  {
    name: "freeze-the-driver-and-return",
    steps: [
      { do: "freeze", who: ["driver"] },
      { do: "wait", ms: 8_000 },
      { do: "thaw", who: ["driver"] },
    ],
    failures: "none",
    stays: true,
  },
  {
    name: "rolling-restart-of-the-schedulers",
    steps: ["s0", "s1", "s2"].flatMap((who) => [
      { do: "stop", who: [who] } as const,
      { do: "start", who: [who] } as const,
      { do: "until", what: "ready", who: [who], withinMs: 60_000 } as const,
    ]),
    failures: "none",
    stays: true,
  },
  {
    name: "stop-the-driver-in-a-loss",
    steps: [
      { do: "kill", who: ["e0"] },
      { do: "wait", ms: 4_000 },
      { do: "stop", who: ["driver"] },
      { do: "start", who: ["driver"] },
      { do: "until", what: "removed", who: ["e0"], withinMs: 30_000 },
    ],
    failures: "refused",
  },
  {
    name: "clocks-jump",
    steps: [
      { do: "clock", who: ["driver"] },
      { do: "wait", ms: 3_000 },
      { do: "clock", who: ["follower"] },
      { do: "wait", ms: 4_000 },
      { do: "stop", who: ["driver", "follower"] },
    ],
    failures: "none",
    stays: true,
  },
];
