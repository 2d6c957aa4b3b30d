import { playSchedules } from "./schedules.ts";

/** Executors fall silent, or only seem to: whoever judges must not be wrong about their leases. */
playSchedules({
  name: "leases",
  schedules: 2_500,
  options: (seed) => ({
    faultyMs: 20_000 + (seed % 5) * 5_000,
    faultCount: 5 + (seed % 5),
    executors: 2 + (seed % 2),
    faults: [
      "cut-link",
      "cut-link",
      "pause-executor",
      "kill-executor",
      "lose-executor",
      "cut-peers",
      "cut-store",
      "store-outage",
      "pause-scheduler",
      "kill-scheduler",
      "stop-scheduler",
      "clock-jump",
    ],
  }),
  least: {},
});
