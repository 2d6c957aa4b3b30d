import type { Script, Step } from "../script.ts";

const executorsApart: Step = { do: "cut", a: ["executors"], b: ["executors"], mode: "silent" };
const drain = (who: string): Step => ({ do: "drain", who: [who] });
const drained = (who: string): Step => ({ do: "until", what: "drained", who: [who], withinMs: 40_000 });

/** Drains, joins and a new spicepod, alone and when something else happens as well. */
export const moveScripts: readonly Script[] = [
  {
    name: "drain-and-undrain",
    steps: [drain("e0"), drained("e0")],
    failures: "none",
    stays: true,
  },
  {
    name: "drain-during-a-loss",
    steps: [
      { do: "kill", who: ["e1"] },
      drain("e0"),
      { do: "until", what: "removed", who: ["e1"], withinMs: 25_000 },
      drained("e0"),
    ],
    failures: "refused",
  },
  {
    name: "drain-while-a-scheduler-is-killed",
    long: true,
    steps: [drain("e0"), { do: "kill", who: ["follower"] }, drained("e0")],
    failures: "none",
    stays: true,
    convergesWithinMs: 75_000,
  },
  {
    name: "kill-the-learner-in-a-drain",
    steps: [
      executorsApart,
      drain("e0"),
      { do: "until", what: "learning", withinMs: 15_000 },
      { do: "kill", who: ["learner"] },
      { do: "wait", ms: 500 },
      { do: "mend" },
      drained("e0"),
    ],
    failures: "refused",
  },
  {
    name: "kill-the-owner-in-a-drain",
    steps: [
      executorsApart,
      drain("e0"),
      { do: "until", what: "learning", withinMs: 15_000 },
      { do: "kill", who: ["e0"] },
      { do: "wait", ms: 500 },
      { do: "mend" },
      { do: "until", what: "removed", who: ["e0"], withinMs: 25_000 },
    ],
    failures: "refused",
  },
  {
    name: "kill-the-learner-as-it-is-promoted",
    steps: [
      drain("e0"),
      { do: "until", what: "learning", withinMs: 15_000 },
      { do: "wait", ms: 60 },
      { do: "kill", who: ["learner"] },
      { do: "wait", ms: 500 },
      { do: "start", who: ["learner"] },
    ],
    failures: "refused",
  },
  {
    name: "join-during-a-refresh",
    steps: [
      { do: "refresh" },
      { do: "start", who: ["e5"] },
      { do: "refresh" },
      { do: "until", what: "joined", who: ["e5"], withinMs: 30_000 },
      { do: "wait", ms: 3_000 },
    ],
    failures: "none",
    stays: true,
  },
  {
    name: "join-and-loss-together",
    steps: [
      { do: "kill", who: ["e0"] },
      { do: "start", who: ["e5"] },
      { do: "until", what: "removed", who: ["e0"], withinMs: 25_000 },
      { do: "until", what: "joined", who: ["e5"], withinMs: 30_000 },
    ],
    failures: "refused",
  },
  {
    name: "another-spicepod-in-a-loss",
    steps: [
      { do: "kill", who: ["e0"] },
      { do: "spicepod", variant: true },
      { do: "until", what: "removed", who: ["e0"], withinMs: 25_000 },
      { do: "wait", ms: 2_000 },
    ],
    failures: "refused",
  },
];
