import { setTimeout as delay } from "node:timers/promises";
import type { Figure } from "../figure.ts";
import { MovesBed } from "./bed.ts";
import type { MovesData } from "./data.ts";
import { s3State } from "./s3-state.ts";

/** Per minute and scheduler at rest: six beats and two polls. */
const expectedAtRest = 8;
const partitions = 36;

/** Requests and commits at the object store with this many schedulers: at rest, and while one executor more joins. */
export async function storeRequests(data: MovesData, schedulers: number): Promise<Figure[]> {
  const seconds = Number(process.env["SECONDS"] ?? 60);
  const state = await s3State();
  let bed: MovesBed | undefined;
  try {
    bed = await MovesBed.start(data, {
      executors: 2,
      partitions,
      schedulers,
      stateLocation: state.location,
      settings: { params: state.params },
    });
    await bed.settled([0, 1]);
    // What a start leaves behind: first polls, advice, the end of the first cycles.
    await delay(15_000);
    const look = async (b: MovesBed) => ({
      requests: state.requests(),
      commits: await b.metric("schedulers", "cluster_state_commits", "committed"),
      conflicts: await b.metric("schedulers", "cluster_state_commits", "conflict"),
      atMs: performance.now(),
    });
    const restAt = await look(bed);
    await delay(seconds * 1_000);
    const joinAt = await look(bed);
    await bed.cluster.startExecutor(2);
    await bed.settled([0, 1, 2]);
    const end = await look(bed);
    const moved = partitions / 3;
    const label = `${schedulers} scheduler${schedulers === 1 ? "" : "s"}`;
    const perMinute = (count: number, from: typeof restAt, to: typeof restAt) =>
      (count * 60_000) / (to.atMs - from.atMs);
    return [
      {
        name: `store requests per scheduler and minute at rest ÷ its beats and polls, ${label}`,
        value: perMinute(joinAt.requests - restAt.requests, restAt, joinAt) / schedulers,
        unit: "",
        baseline: expectedAtRest,
      },
      {
        name: `commits per minute at rest, ${label}`,
        value: perMinute(joinAt.commits - restAt.commits, restAt, joinAt),
        unit: "",
      },
      {
        name: `store requests of a rebalance ÷ partitions moved, ${label}`,
        value: end.requests - joinAt.requests,
        unit: "",
        baseline: moved,
      },
      {
        name: `store requests per minute during it, ${label}`,
        value: perMinute(end.requests - joinAt.requests, joinAt, end),
        unit: "",
      },
      {
        name: `commits of a rebalance ÷ partitions moved, ${label}`,
        value: end.commits - joinAt.commits,
        unit: "",
        baseline: moved,
      },
      {
        name: `commits per minute during it, ${label}`,
        value: perMinute(end.commits - joinAt.commits, joinAt, end),
        unit: "",
      },
      { name: `conflicts during it, ${label}`, value: end.conflicts - joinAt.conflicts, unit: "" },
      { name: `duration of the rebalance, ${label}`, value: end.atMs - joinAt.atMs, unit: "ms" },
    ];
  } catch (error) {
    throw new Error(`${String(error)}\n${bed?.cluster.tails()}`, { cause: error });
  } finally {
    await bed?.stop();
    await state.stop();
  }
}
