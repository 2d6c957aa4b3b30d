import { expect, test } from "@jest/globals";
import { Coverage } from "./coverage.ts";
import { Simulation, type SimulationOptions } from "./simulation.ts";

/** One part of the schedules of a run: a test file of its own, so that files run side by side. */
export interface Part {
  /** The name of the test file before `.test.ts`. */
  readonly name: string;
  readonly schedules: number;
  readonly options: (seed: number) => Omit<SimulationOptions, "seed">;
  /** Least part of the schedules (0 to 1) that must have each of these; see {@link Coverage}. */
  readonly least: Readonly<Record<string, number>>;
}

/** Schedules of all parts together, without `RUNS`. */
const TOTAL = 10_000;

/**
 * The test that plays a part. `RUNS=…` plays so many schedules in all parts together, `SEED=…` one of each part; a
 * failure prints the command that plays its schedule again.
 */
export function playSchedules({ name, schedules, options, least }: Part): void {
  test("invariants hold and the cluster becomes right again, whatever the schedule", async () => {
    const asked = process.env["SEED"];
    const runs = Math.ceil((schedules * Number(process.env["RUNS"] ?? TOTAL)) / TOTAL);
    const seeds = asked === undefined ? Array.from({ length: runs }, (_, i) => i + 1) : [Number(asked)];
    const coverage = new Coverage();
    const started = process.cpuUsage();
    for (const seed of seeds) {
      const simulation = new Simulation({ seed, ...options(seed) });
      try {
        await simulation.run();
      } catch (error) {
        throw new Error(
          `${(error as Error).message}\nAgain: SEED=${seed} JEST_ARGS=simulator/${name} make test TIER=unit`,
          { cause: error },
        );
      }
      coverage.add(simulation.noted, simulation.truth.commits);
    }
    const { user, system } = process.cpuUsage(started);
    const seconds = ((user + system) / 1e6).toFixed(1);
    process.stdout.write(`simulator/${name}: ${seconds} s of processor time, ${coverage}\n`);
    // Few schedules need not have everything.
    if (seeds.length >= 500) expect(coverage.lacking(least)).toEqual({});
  }, 600_000);
}
