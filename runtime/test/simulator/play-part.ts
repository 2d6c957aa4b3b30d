import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test } from "@jest/globals";
import { Coverage } from "./coverage.ts";
import { type PartName, parts } from "./parts.ts";
import type { PlayerResult, PlayerTask } from "./player.ts";

const TOTAL = Object.values(parts).reduce((sum, { schedules }) => sum + schedules, 0);

/**
 * The test that plays a part. `RUNS=…` plays so many schedules in all parts together, `SEED=…` one of each part; a
 * failure prints the command that plays its schedule again.
 */
export function playPart(part: PartName): void {
  test("invariants hold and the cluster becomes right again, whatever the schedule", async () => {
    const { schedules, least } = parts[part];
    const asked = process.env["SEED"];
    const runs = Math.ceil((schedules * Number(process.env["RUNS"] ?? TOTAL)) / TOTAL);
    const seeds = asked === undefined ? Array.from({ length: runs }, (_, i) => i + 1) : [Number(asked)];
    const { coverage: counts, cpuMs, failure } = await inThread({ part, seeds });
    if (failure !== undefined) {
      const again = `SEED=${failure.seed} JEST_ARGS=simulator/${part} make test TIER=unit`;
      throw new Error(`${failure.trace}\nAgain: ${again}`);
    }
    const coverage = new Coverage(counts);
    process.stdout.write(
      `simulator/${part}: ${(cpuMs / 1_000).toFixed(1)} s of processor time, ${coverage}\n`,
    );
    // Few schedules need not have everything.
    if (seeds.length >= 500) expect(coverage.lacking(least)).toEqual({});
  }, 600_000);
}

async function inThread(task: PlayerTask): Promise<PlayerResult> {
  const worker = new Worker(new URL("player.ts", import.meta.url), {
    execArgv: ["--conditions=source", "--no-warnings"],
    workerData: task,
  });
  try {
    const [result] = (await once(worker, "message")) as [PlayerResult];
    return result;
  } finally {
    await worker.terminate();
  }
}
