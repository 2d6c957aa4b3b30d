import { playSchedules } from "./schedules.ts";

/** Every kind of fault, in short schedules and, each tenth, in long ones. */
playSchedules({
  name: "everything",
  schedules: 2_500,
  options: (seed) =>
    seed % 10 === 0 ? {} : { faultyMs: 2_000 + (seed % 7) * 1_500, schedulers: 1 + (seed % 2) },
  least: {},
});
