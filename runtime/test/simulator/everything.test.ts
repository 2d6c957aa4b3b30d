import { playSchedules } from "./schedules.ts";

/** Every kind of fault, in short schedules and, each tenth, in long ones. */
playSchedules({
  name: "everything",
  schedules: 4_000,
  options: (seed) =>
    seed % 10 === 0 ? {} : { faultyMs: 2_000 + (seed % 7) * 1_500, schedulers: 1 + (seed % 2) },
  least: {
    "kill-scheduler": 0.05,
    "pause-scheduler": 0.05,
    "stop-scheduler": 0.05,
    "twin-scheduler": 0.05,
    "kill-executor": 0.05,
    "lose-executor": 0.05,
    "add-executor": 0.05,
    drain: 0.05,
    "cut-exchange": 0.05,
    "pause-executor": 0.05,
    "cut-link": 0.05,
    "cut-store": 0.05,
    "store-outage": 0.05,
    "store-faults": 0.05,
    "clock-jump": 0.05,
    "source-change": 0.05,
    "cut-peers": 0.03,
    "lease ran out": 0.05,
    promotion: 0.15,
    "executor lost": 0.07,
    "executor recovered": 0.01,
    "drain finished": 0.005,
  },
});
