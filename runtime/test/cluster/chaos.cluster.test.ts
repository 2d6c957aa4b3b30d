import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ChaosBed } from "../chaos/chaos-bed.ts";
import { converge } from "../chaos/convergence.ts";
import { randomScript } from "../chaos/random-script.ts";
import { describe as describeResult, runScript } from "../chaos/run-script.ts";
import type { Script } from "../chaos/script.ts";
import { scripts } from "../chaos/scripts/scripts.ts";
import { Draw, seedOf } from "../support/draw.ts";

const seed = Number(process.env["SEED"] ?? 1);
const runs = Number(process.env["RUNS"] ?? 3);
const asked = process.env["SCRIPT"];
const startLimitMs = 120_000;
const scriptLimitMs = 240_000;

const chosen: readonly Script[] = [
  ...scripts,
  ...Array.from({ length: runs }, (_, i) => randomScript(i, new Draw(seedOf(seed, `random-${i}`)))),
].filter(({ name }) => asked === undefined || asked.split(",").includes(name));

describe(`chaos, SEED=${seed}`, () => {
  let bed: ChaosBed | undefined;

  /** A healthy cluster: the one that the last script left, or a new one where that script failed. */
  async function healthy(): Promise<ChaosBed> {
    if (bed !== undefined) return bed;
    bed = await ChaosBed.start(new Draw(seed));
    await converge(bed, 90_000);
    bed.arm();
    return bed;
  }

  beforeAll(async () => {
    await healthy();
  }, startLimitMs);

  afterAll(async () => {
    await bed?.stop();
  }, 60_000);

  test.each(chosen)(
    "$name",
    async (script) => {
      const cluster = await healthy();
      try {
        const result = await runScript(cluster, script, seed);
        process.stderr.write(`${describeResult(result)}\n`);
      } catch (error) {
        // At once, for a run that is ended early; and what comes next needs a cluster that is well.
        process.stderr.write(`${String((error as Error).message)}\n`);
        bed = undefined;
        await cluster.stop();
        throw error;
      }
    },
    scriptLimitMs + startLimitMs,
  );

  test("memory is back to its level", async () => {
    expect(await bed?.memoryProblems()).toEqual([]);
  });
});
