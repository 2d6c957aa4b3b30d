import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { eventually } from "../../runtime/test/support/cluster.ts";
import type { Figure } from "../figure.ts";
import { Asking } from "./asking.ts";
import { MovesBed } from "./bed.ts";
import type { MovesData } from "./data.ts";
import { Pki } from "./pki.ts";
import { s3State } from "./s3-state.ts";

const perExecutor = 12;
const executors = 3;
const partitions = perExecutor * executors;

/**
 * What clients of two schedulers and three executors under mTLS see while certificates are replaced, an executor
 * joins, is drained, is lost, and while the scheduler that drives is killed; and the partitions that moved (B17).
 */
export async function phases(data: MovesData): Promise<Figure[]> {
  const lostAfterMs = Number(process.env["LOST_AFTER"] ?? 15) * 1000;
  const state = await s3State();
  const nodes = [
    "scheduler-0",
    "scheduler-1",
    ...Array.from({ length: executors + 1 }, (_, i) => `executor-${i}`),
  ];
  const pki = await Pki.create(join(data.dir, "pki"), nodes);
  const figures: Figure[] = [];
  let bed: MovesBed | undefined;
  let plain: Asking | undefined;
  let retrying: Asking | undefined;
  try {
    const b = await MovesBed.start(data, {
      executors,
      partitions,
      schedulers: 2,
      stateLocation: state.location,
      settings: { params: state.params, executor_lost_after: `${lostAfterMs}ms` },
      security: pki.flags,
    });
    bed = b;
    const urls = [await b.cluster.http(0), await b.cluster.http(1)];
    const clients = { plain: new Asking(data, urls), retrying: new Asking(data, urls, true) };
    ({ plain, retrying } = clients);
    await b.settled([0, 1, 2]);
    await clients.plain.rights(20);
    const restAt = performance.now();
    await delay(5_000);
    const slowMs = 10 * clients.plain.seen(restAt).p50Ms;

    const phase = async (name: string, work: () => Promise<unknown>) => {
      const startMs = performance.now();
      await work();
      await clients.retrying.rights(10);
      await delay(500);
      const seen = clients.plain.seen(startMs);
      const again = clients.retrying.seen(startMs);
      const asked = seen.right + seen.wrong + seen.failed;
      const askedAgain = again.right + again.wrong + again.failed;
      figures.push(
        { name: `${name}: failed ÷ asked, no retry`, value: seen.failed, unit: "", baseline: asked },
        {
          name: `${name}: failed ÷ asked, one retry at the other scheduler`,
          value: again.failed,
          unit: "",
          baseline: askedAgain,
        },
        {
          name: `${name}: slow (> ${slowMs.toFixed(0)} ms, 10 × the median at rest) ÷ asked`,
          value: seen.slow(slowMs) + again.slow(slowMs),
          unit: "",
          baseline: asked + askedAgain,
        },
        { name: `${name}: slowest ÷ median`, value: seen.maxMs, unit: "ms", baseline: seen.p50Ms },
        { name: `${name}: wrong`, value: seen.wrong + again.wrong, unit: "" },
      );
      const errors = clients.retrying.takeErrors() + clients.plain.takeErrors();
      if (errors !== "") console.log(`${name}: ${errors}`);
    };
    /** A phase that moves partitions; `minimum` of them have to. */
    const moving = async (name: string, minimum: number, work: () => Promise<unknown>) => {
      const moved = () => b.metric("schedulers", "scheduler_partition_state_operations", "reassigned");
      const before = await moved();
      await phase(name, work);
      const value = (await moved()) - before;
      figures.push({ name: `B17 ${name}: partitions moved ÷ minimum`, value, unit: "", baseline: minimum });
    };

    await phase("certificates", async () => {
      for (const name of pki.names) await pki.renew(name);
      const running = [...b.cluster.schedulers, ...b.cluster.executors];
      await eventually(() =>
        running.every((p) => p.lines.some((l) => l.message === "Certificates were read again"))
          ? true
          : undefined,
      );
    });
    await moving("join", partitions / (executors + 1), async () => {
      await b.cluster.startExecutor(3);
      await b.settled([0, 1, 2, 3]);
    });
    await moving("drain", partitions / (executors + 1), async () => {
      await b.drain(3);
      await b.settled([0, 1, 2]);
    });
    await b.cluster.executors[3]!.stop();
    const killedAt = performance.now();
    await moving("loss", perExecutor, async () => {
      b.cluster.executors[2]!.kill("SIGKILL");
      await b.settled([0, 1]);
    });
    figures.push({
      name: "B22 kill -9 to right answers ÷ executor_lost_after, two schedulers under mTLS",
      value: clients.plain.rightAgainAtMs(killedAt)! - killedAt,
      unit: "ms",
      baseline: lostAfterMs,
    });
    await phase("scheduler kill", async () => {
      b.cluster.schedulers[0]!.kill("SIGKILL");
      await delay(10_000);
    });
    return figures;
  } catch (error) {
    const told = [plain?.takeErrors(), retrying?.takeErrors(), bed?.cluster.tails()].join("\n");
    throw new Error(`${String(error)}\n${told}`, { cause: error });
  } finally {
    await plain?.stop();
    await retrying?.stop();
    await bed?.stop();
    await state.stop();
  }
}
