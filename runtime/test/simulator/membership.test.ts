import { playSchedules } from "./schedules.ts";

/** Schedulers come, go, are replaced and lose the store; executors only serve. */
playSchedules({
  name: "membership",
  schedules: 2_500,
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
  least: {},
});
