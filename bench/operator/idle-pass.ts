/**
 * What one reconcile that changes nothing takes of a processor in the operator itself: its own code before an API server and
 * schedulers that answer within the process and cost nothing. A certificate's answer is not part of it.
 */
import { World } from "../../operator/test/support/world.ts";

export interface IdlePass {
  /** Milliseconds of processor time, both of a process that has just begun and of one that is warm. */
  readonly firstMs: number;
  readonly warmMs: number;
}

export async function measureIdlePass(passes = 400): Promise<IdlePass> {
  const world = new World();
  world.create({ schedulerSpec: { spicepod: { datasets: [] } }, executorSpec: { replicas: 1 } });
  await world.rest();
  const per = async (count: number) => {
    const before = process.cpuUsage();
    for (let i = 0; i < count; i++) await world.operator.reconcile();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / count;
  };
  const firstMs = await per(20);
  await per(passes);
  const warmMs = await per(passes);
  await world.stop();
  return { firstMs, warmMs };
}
