import type { Script } from "../script.ts";

/** Executors that die, stand still, or lose what they had. */
export const executorScripts: readonly Script[] = [
  {
    name: "kill-one-executor",
    steps: [
      { do: "kill", who: ["e0"] },
      { do: "until", what: "removed", who: ["e0"], withinMs: 20_000 },
    ],
    failures: "refused",
  },
  {
    name: "kill-two-executors",
    steps: [
      { do: "kill", who: ["e0", "e1"] },
      { do: "until", what: "removed", who: ["e0", "e1"], withinMs: 20_000 },
    ],
    failures: "refused",
  },
  {
    name: "kill-more-than-half-of-the-executors",
    steps: [
      { do: "kill", who: ["e0", "e1", "e2"] },
      { do: "until", what: "condition", withinMs: 20_000 },
      { do: "wait", ms: 2_000 },
    ],
    failures: "refused",
    stays: true,
  },
  {
    name: "freeze-an-executor-until-it-is-lost",
    steps: [
      { do: "freeze", who: ["e0"] },
      { do: "until", what: "removed", who: ["e0"], withinMs: 20_000 },
      { do: "wait", ms: 1_000 },
      { do: "thaw", who: ["e0"] },
    ],
    failures: "refused",
  },
  {
    name: "freeze-an-executor-for-a-moment",
    steps: [
      { do: "freeze", who: ["e0"] },
      { do: "wait", ms: 2_500 },
      { do: "thaw", who: ["e0"] },
    ],
    failures: "refused",
    stays: true,
  },
  {
    name: "restart-an-executor-with-empty-memory",
    steps: [
      { do: "kill", who: ["e0"] },
      { do: "start", who: ["e0"] },
    ],
    failures: "refused",
  },
  {
    name: "kill-an-executor-again-while-it-loads",
    steps: [
      { do: "kill", who: ["e0"] },
      { do: "start", who: ["e0"] },
      { do: "wait", ms: 300 },
      { do: "kill", who: ["e0"] },
      { do: "start", who: ["e0"] },
      { do: "wait", ms: 700 },
      { do: "kill", who: ["e0"] },
    ],
    failures: "refused",
  },
  {
    name: "rolling-restart-of-the-executors",
    steps: ["e0", "e1", "e2", "e3", "e4"].flatMap((who) => [
      { do: "stop", who: [who] } as const,
      { do: "start", who: [who] } as const,
      { do: "wait", ms: 500 } as const,
    ]),
    failures: "refused",
  },
];
