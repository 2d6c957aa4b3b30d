import { setTimeout as delay } from "node:timers/promises";
import { comparable } from "./answers.ts";
import type { TestCluster } from "./cluster.ts";

/** What `/v1/cluster` says of an executor and its partitions. */
export interface ExecutorView {
  readonly id: string;
  readonly state: string;
  readonly partitions: number;
  readonly loaded: number;
  readonly moving: number;
  readonly drain?: { readonly state: string; readonly reason?: string };
}

/** Whether the executors of `on` own all `total` partitions in equal parts, loaded, and nothing is moving. */
export function balanced(executors: readonly ExecutorView[], on: readonly string[], total: number): boolean {
  const owned = executors.reduce((n, { partitions }) => n + partitions, 0);
  return (
    owned === total &&
    executors.every(({ id, partitions, loaded, moving }) => {
      const part = on.includes(id) ? total / on.length : 0;
      return Math.abs(partitions - part) < 1 && loaded === partitions && moving === 0;
    })
  );
}

/** Ask for a drain, or for its end, by HTTP. */
export async function askDrain(
  cluster: TestCluster,
  executor: string,
  options: { readonly undrain?: boolean; readonly scheduler?: number } = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const { undrain = false, scheduler = 0 } = options;
  const response = await fetch(`${await cluster.http(scheduler)}/v1/cluster/drain`, {
    method: "POST",
    body: JSON.stringify({ executor, undrain }),
  });
  return { status: response.status, text: await response.text() };
}

/** One client for each of `schedulers` asks without a pause until `work` is done: what the answers were. */
export async function whileAsking(
  cluster: TestCluster,
  options: {
    readonly question: string;
    readonly answer: unknown;
    readonly schedulers: readonly number[];
    readonly pauseMs: number;
  },
  work: () => Promise<unknown>,
): Promise<{ right: number; wrong: number; failed: string[] }> {
  const answer = JSON.stringify(options.answer);
  const asked = { right: 0, wrong: 0, failed: [] as string[] };
  let done = false;
  const ask = async (scheduler: number) => {
    while (!done) {
      try {
        const rows = comparable(await cluster.sql(options.question, scheduler));
        asked[JSON.stringify(rows) === answer ? "right" : "wrong"] += 1;
      } catch (error) {
        asked.failed.push(String(error));
      }
      await delay(options.pauseMs);
    }
  };
  const asking = options.schedulers.map(ask);
  try {
    await work();
  } finally {
    done = true;
    await Promise.all(asking);
  }
  return asked;
}
