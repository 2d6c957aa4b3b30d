import { setTimeout as sleep } from "node:timers/promises";
import { ApiClient } from "../api-client.ts";
import { CliError } from "../cli-error.ts";
import type { Io } from "../io.ts";
import { Progress } from "../progress.ts";
import type { ClusterDir, ClusterRecord } from "./cluster-dir.ts";
import { isAlive } from "./process-identity.ts";

interface Loading {
  readonly name: string;
  readonly partitions: { readonly total: number; readonly loaded: number };
  readonly error_message?: string;
}

/**
 * Wait until the scheduler says that every dataset is loaded, and show how far it is. Throws with the last lines of
 * the log of a process that died, or when the time is up.
 */
export async function waitUntilReady(
  io: Io,
  dir: ClusterDir,
  record: ClusterRecord,
  timeoutMs: number,
): Promise<void> {
  const client = new ApiClient(record.endpoint);
  const started = performance.now();
  const progress = new Progress(io.stderr);
  let last = "starting";
  try {
    for (;;) {
      demandAlive(dir, record);
      const seconds = (performance.now() - started) / 1000;
      const { ready, text } = await look(io, client, record.executors);
      last = text;
      if (ready) {
        progress.done(`Ready after ${seconds.toFixed(1)} s: ${text}`);
        return;
      }
      progress.show(`${text} (${seconds.toFixed(0)} s)`);
      if (seconds * 1000 > timeoutMs) break;
      await sleep(200, undefined, { signal: io.signal });
    }
  } finally {
    progress.clear();
  }
  throw new CliError(
    `The cluster was not ready within ${timeoutMs / 1000} s; at the end: ${last}\nLast lines of ${dir.logFile("scheduler")}:\n${dir.lastLines("scheduler", 15)}`,
  );
}

async function look(io: Io, client: ApiClient, executors: number): Promise<{ ready: boolean; text: string }> {
  const signal = AbortSignal.any([io.signal, AbortSignal.timeout(5000)]);
  try {
    const { status } = await client.probe(`/v1/ready?min_ready_executors=${executors}`, signal);
    const datasets = await client.json<Loading[]>("/v1/datasets?status=true", signal);
    const parts = datasets.map(({ name, partitions, error_message: error }) =>
      error === undefined ? `${name} ${bar(partitions)}` : `${name}: ${error}`,
    );
    return { ready: status === 200, text: parts.join("  ") || "no datasets" };
  } catch (error) {
    io.signal.throwIfAborted();
    // Not listening yet, or busy: the processes are watched, so it is enough to ask again.
    return { ready: false, text: error instanceof CliError ? "starting" : "waiting for the scheduler" };
  }
}

function bar({ loaded, total }: Loading["partitions"]): string {
  const width = 24;
  const filled = total === 0 ? 0 : Math.round((loaded / total) * width);
  return `[${"#".repeat(filled)}${".".repeat(width - filled)}] ${loaded}/${total} partitions`;
}

function demandAlive(dir: ClusterDir, { processes }: ClusterRecord): void {
  const dead = processes.find((process) => !isAlive(process));
  if (dead === undefined) return;
  throw new CliError(
    `${dead.name} ended before the cluster was ready. The last lines of ${dead.log}:\n${dir.lastLines(dead.name, 15)}`,
  );
}
