import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterDir, LocalProcess } from "./cluster-dir.ts";
import { isAlive, signalProcess } from "./process-identity.ts";

/** How long a process may take to finish its work before it is killed. */
const graceMs = 35_000;

/**
 * End exactly these processes: executors first, then the scheduler; SIGTERM, and SIGKILL for what does not end.
 * Resolves with the names of those that were running, once none is.
 */
export async function stopCluster(dir: ClusterDir, processes: readonly LocalProcess[]): Promise<string[]> {
  const running = processes.filter(isAlive);
  const executors = running.filter(({ name }) => name !== "scheduler");
  await stopAll(executors);
  await stopAll(running.filter(({ name }) => name === "scheduler"));
  dir.clear();
  return running.map(({ name }) => name);
}

async function stopAll(processes: readonly LocalProcess[]): Promise<void> {
  for (const process of processes) signalProcess(process, "SIGTERM");
  const deadline = performance.now() + graceMs;
  while (processes.some(isAlive) && performance.now() < deadline) await sleep(50);
  for (const process of processes) signalProcess(process, "SIGKILL");
  while (processes.some(isAlive)) await sleep(20);
}
