import { describe, expect, test } from "@jest/globals";
import { Simulation } from "./simulation.ts";

/** `SEED=123` replays one schedule; `RUNS=…` runs more of them. Every tenth is a long one. */
const asked = process.env["SEED"];
const runs = Number(process.env["RUNS"] ?? 400);

const optionsOf = (seed: number) =>
  seed % 10 === 0 ? { seed } : { seed, faultyMs: 2_000 + (seed % 7) * 1_500, schedulers: 1 + (seed % 2) };

describe("the cluster under faults", () => {
  test("keeps its invariants and becomes right again, whatever the schedule", async () => {
    let commits = 0;
    let promotions = 0;
    let losses = 0;
    const seeds = asked === undefined ? Array.from({ length: runs }, (_, i) => i + 1) : [Number(asked)];
    for (const seed of seeds) {
      const simulation = new Simulation(optionsOf(seed));
      try {
        await simulation.run();
      } catch (error) {
        throw new Error(`SEED=${seed}: ${(error as Error).message}`, { cause: error });
      }
      commits += simulation.truth.commits;
      promotions += simulation.moves.promotions;
      losses += simulation.moves.losses;
    }
    // The runs did something.
    expect(commits / seeds.length).toBeGreaterThan(4);
    if (seeds.length < 100) return;
    expect(promotions / seeds.length).toBeGreaterThan(1);
    expect(losses / seeds.length).toBeGreaterThan(0.05);
  }, 600_000);
});
