/**
 * What one reconcile that changes nothing takes of a processor in the operator itself: its own code before an API server and
 * schedulers that answer within the process, on a clock that the bench moves.
 */
import type { ClusterReport } from "../../operator/src/admin/port.ts";
import { World } from "../../operator/test/support/world.ts";

/** Milliseconds of processor time, of a process that is warm. */
export interface IdlePass {
  /** Nothing has changed, and it is not yet time to ask the schedulers. */
  readonly unasked: number;
  /** The schedulers are asked, and answer the same. */
  readonly asked: number;
  /** Everything is compared, Secrets too, as at a resync. */
  readonly full: number;
}

export async function measureIdlePass(passes = 300): Promise<IdlePass> {
  const world = new World();
  world.create({ schedulerSpec: { spicepod: { datasets: [] } }, executorSpec: { replicas: 1 } });
  await world.rest();
  // What the double takes to answer is not the operator's.
  let report: Promise<ClusterReport> | undefined;
  const dial = world.admin.dial.bind(world.admin);
  world.admin.dial = (target) => {
    const admin = dial(target);
    return {
      ...admin,
      getCluster: () => {
        report ??= admin.getCluster();
        return report;
      },
    };
  };
  const measure = async (sleepMs: number) => {
    let spentUs = 0;
    for (let i = 0; i < passes; i++) {
      await world.clock.advance(sleepMs);
      const before = process.cpuUsage();
      await world.operator.reconcile();
      const { user, system } = process.cpuUsage(before);
      if (i >= passes / 2) spentUs += user + system;
    }
    return spentUs / 1000 / (passes / 2);
  };
  const [full, asked, unasked] = [await measure(601_000), await measure(70_000), await measure(0)];
  await world.stop();
  return { unasked, asked, full };
}
