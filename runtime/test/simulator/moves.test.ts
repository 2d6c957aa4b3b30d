import { playSchedules } from "./schedules.ts";

/** Partitions move: losses, joins, drains, and processes that go away in between. */
playSchedules({
  name: "moves",
  schedules: 2_500,
  options: (seed) => ({
    faultyMs: 15_000 + (seed % 5) * 5_000,
    faultCount: 4 + (seed % 4),
    executors: 2 + (seed % 2),
    faults: [
      "add-executor",
      "drain",
      "drain",
      "lose-executor",
      "kill-executor",
      "pause-executor",
      "cut-exchange",
      "cut-link",
      "stop-scheduler",
      "kill-scheduler",
      "store-faults",
      "clock-jump",
      "source-change",
    ],
  }),
  least: {},
});
