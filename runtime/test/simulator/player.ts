import { parentPort, workerData } from "node:worker_threads";
import { Coverage } from "./coverage.ts";
import { type PartName, parts } from "./parts.ts";
import { Simulation } from "./simulation.ts";

/** What a thread is to play. */
export interface PlayerTask {
  readonly part: PartName;
  readonly seeds: readonly number[];
}

/** What came of it; `failure` is of the last seed that was played. */
export interface PlayerResult {
  readonly coverage: Coverage["counts"];
  readonly cpuMs: number;
  readonly failure?: { readonly seed: number; readonly trace: string };
}

/** The thread that plays schedules: outside jest's module registry and its context, where they take half as long again. */
async function play({ part, seeds }: PlayerTask): Promise<PlayerResult> {
  const coverage = new Coverage();
  const started = process.threadCpuUsage();
  const result = () => {
    const { user, system } = process.threadCpuUsage(started);
    return { coverage: coverage.counts, cpuMs: (user + system) / 1_000 };
  };
  for (const seed of seeds) {
    const simulation = new Simulation({ seed, ...parts[part].options(seed) });
    try {
      await simulation.run();
    } catch (error) {
      const { message, stack = message } = error as Error;
      return { ...result(), failure: { seed, trace: stack } };
    }
    coverage.add(simulation.noted, simulation.truth.commits);
  }
  return result();
}

parentPort!.postMessage(await play(workerData as PlayerTask));
