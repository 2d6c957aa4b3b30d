import { playSchedules } from "./schedules.ts";

/** Schedulers come, go, are replaced and lose the store; executors only serve. */
playSchedules({
  name: "membership",
  schedules: 2_000,
  options: (seed) => ({
    faultyMs: 8_000 + (seed % 5) * 4_000,
    faultCount: 3 + (seed % 4),
    executors: 1 + (seed % 2),
    faults: [
      "kill-scheduler",
      "pause-scheduler",
      "stop-scheduler",
      "twin-scheduler",
      "cut-peers",
      "cut-store",
      "store-outage",
      "store-faults",
      "clock-jump",
      "source-change",
    ],
  }),
  least: {
    "kill-scheduler": 0.25,
    "pause-scheduler": 0.2,
    "stop-scheduler": 0.25,
    "twin-scheduler": 0.2,
    "cut-peers": 0.1,
    "cut-store": 0.2,
    "store-outage": 0.25,
    "store-faults": 0.25,
    "clock-jump": 0.25,
    "source-change": 0.25,
    "scheduler removed": 0.3,
    "scheduler taken over": 0.15,
    "write lost a race": 0.5,
    "reply to a write lost": 0.1,
    "write found again": 0.04,
    "write came late": 0.05,
    "lease ran out": 0.1,
  },
});
