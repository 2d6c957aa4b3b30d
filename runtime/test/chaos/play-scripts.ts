import { afterAll, describe, expect, test } from "@jest/globals";
import { Draw, seedOf } from "../support/draw.ts";
import { ChaosBed } from "./chaos-bed.ts";
import { converge } from "./convergence.ts";
import { randomScript } from "./random-script.ts";
import { describe as describeResult, runScript } from "./run-script.ts";
import type { Script } from "./script.ts";

const seed = Number(process.env["SEED"] ?? 1);
const asked = process.env["SCRIPT"]?.split(",");
const full = process.env["FULL"] === "1";
const startLimitMs = 150_000;
const scriptLimitMs = 240_000;

/** `RUNS` random scripts, three by default, from `SEED`. */
export function randomScripts(): readonly Script[] {
  const runs = Number(process.env["RUNS"] ?? 3);
  return Array.from({ length: runs }, (_, i) => randomScript(i, new Draw(seedOf(seed, `random-${i}`))));
}

/**
 * Declare the tests that play scripts one after the other on one living cluster; those that `SCRIPT` names, where it
 * is set, else all but the long ones, and with `FULL=1` those too. A script that fails takes its cluster with it, and the next one gets a new one.
 */
export function playScripts(title: string, scripts: readonly Script[]): void {
  const chosen = scripts.filter(({ name, long }) => asked?.includes(name) ?? (full || long !== true));
  // Only where SCRIPT names scripts of other files: a file without a test is an error.
  if (chosen.length === 0) {
    test.skip(`${title}: no script here is ${asked?.join(", ")}`, () => undefined);
    return;
  }
  describe(`${title}, SEED=${seed}`, () => {
    let bed: ChaosBed | undefined;

    /** A healthy cluster: the one that the last script left, or a new one. */
    async function healthy(): Promise<ChaosBed> {
      if (bed !== undefined) return bed;
      const began = performance.now();
      const started = await ChaosBed.start(new Draw(seed));
      try {
        await converge(started, 90_000);
      } catch (error) {
        await started.stop();
        throw error;
      }
      started.arm(performance.now() - began);
      bed = started;
      return started;
    }

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
      if (bed === undefined) {
        // That failure is told already.
        process.stderr.write("memory: not measured, the last script failed and took its cluster with it\n");
        return;
      }
      expect(await bed.memoryProblems()).toEqual([]);
    });
  });
}
