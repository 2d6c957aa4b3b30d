import type { Script, Step } from "../script.ts";

const cut = (a: string, b: string, mode: "silent" | "refuse" = "silent"): Step => ({
  do: "cut",
  a: [a],
  b: [b],
  mode,
});

/** Links between nodes that break, in both directions, and are mended. */
export const linkScripts: readonly Script[] = [
  {
    name: "cut-the-driver-from-the-executors",
    steps: [cut("driver", "executors"), { do: "wait", ms: 8_000 }],
    failures: "refused",
    stays: true,
  },
  {
    name: "cut-a-scheduler-from-the-executors",
    steps: [cut("follower", "executors", "refuse"), { do: "wait", ms: 5_000 }],
    failures: "refused",
    stays: true,
  },
  {
    name: "cut-the-driver-from-its-peers",
    steps: [cut("driver", "follower"), cut("driver", "follower2"), { do: "wait", ms: 6_000 }],
    failures: "none",
    stays: true,
  },
  {
    name: "cut-an-executor-from-one-scheduler",
    steps: [cut("e0", "follower"), { do: "wait", ms: 8_000 }],
    failures: "refused",
    stays: true,
  },
  {
    name: "cut-an-executor-from-all-schedulers",
    steps: [
      cut("e0", "schedulers"),
      { do: "until", what: "removed", who: ["e0"], withinMs: 25_000 },
      { do: "wait", ms: 1_000 },
    ],
    failures: "refused",
  },
  {
    name: "cut-executors-from-each-other-in-a-copy",
    steps: [
      { do: "drain", who: ["e0"] },
      { do: "until", what: "learning", withinMs: 15_000 },
      cut("executors", "executors"),
      { do: "wait", ms: 4_000 },
      { do: "mend" },
      { do: "until", what: "drained", who: ["e0"], withinMs: 40_000 },
    ],
    failures: "none",
    stays: true,
  },
  {
    name: "a-link-that-flaps",
    steps: Array.from({ length: 5 }).flatMap((_, i) => [
      cut("e0", "schedulers", i % 2 === 0 ? "refuse" : "silent"),
      { do: "wait", ms: 800 } as const,
      { do: "mend" } as const,
      { do: "wait", ms: 700 } as const,
    ]),
    failures: "refused",
    stays: true,
  },
];
