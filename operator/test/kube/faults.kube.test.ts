/** @jest-environment ./scripts/jest/environment.mjs */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../../../kube/test/support/wait.ts";
import { types } from "../../src/reconcile/cache/resource-types.ts";
import { imagesOf } from "./support/operator-bed.ts";
import { isWrite, type OperatorReplica } from "./support/operator-replica.ts";
import { ProcessBed } from "./support/process-bed.ts";

describe("an operator whose API server fails", () => {
  let bed: ProcessBed;
  let operator: OperatorReplica;

  beforeAll(async () => {
    bed = await ProcessBed.start(["replicas=1", "webhook.enabled=false"]);
    operator = await bed.operate();
    await operator.leading();
  });
  afterEach(() => bed.leaveIfFailed());
  afterAll(() => bed?.stop());

  /** Does something once, when the operator has made so many more writes. */
  function atWrite(count: number, what: () => void): void {
    let left = count;
    operator.proxy.inject({
      fault: { kind: "delay", ms: 0 },
      times: count,
      matches: (request) => {
        if (!isWrite(request)) return false;
        left -= 1;
        if (left === 0) what();
        return true;
      },
    });
  }

  async function rollOut(namespace: string, tag: string): Promise<void> {
    const executors = bed.schedulers.pods(namespace, "executor").length;
    bed.schedulers.count(namespace, executors);
    await bed.change(namespace, { spec: { image: { tag } } });
  }

  async function rolledOut(namespace: string, tag: string): Promise<void> {
    await bed.settled(namespace, 120_000);
    const pods = [
      ...bed.schedulers.pods(namespace, "executor"),
      ...bed.schedulers.pods(namespace, "scheduler"),
    ];
    expect(new Set(imagesOf(pods).map((image) => image.split(":").at(-1)))).toEqual(new Set([tag]));
    expect(bed.schedulers.mostUnready(namespace)).toBeLessThanOrEqual(1);
  }

  /** What must hold whatever happened: the same process, nothing taken from an owner, no flip of Ready. */
  function unharmed(namespace: string): void {
    expect(operator.alive).toBe(true);
    expect(operator.errors).toEqual([]);
    expect(bed.schedulers.violations).toEqual([]);
    expect(bed.kubelet.failures).toEqual([]);
    const readiness = bed.readiness.of(`${namespace}/sales`);
    expect(readiness.slice(readiness.findIndex(({ status }) => status === "True"))).toHaveLength(1);
  }

  async function restartServer(): Promise<void> {
    await bed.api.stopServer();
    await bed.api.startServer();
  }

  it("goes on with a create and a rollout when the API server crashes in the middle", async () => {
    const crash = Promise.withResolvers<void>();
    atWrite(5, () => restartServer().then(crash.resolve, crash.reject));
    const namespace = await bed.create({}, "crash");
    await crash.promise;
    await bed.settled(namespace, 120_000);
    const again = Promise.withResolvers<void>();
    atWrite(3, () => restartServer().then(again.resolve, again.reject));
    await rollOut(namespace, "2.0.0");
    await again.promise;
    await rolledOut(namespace, "2.0.0");
    unharmed(namespace);
  }, 240_000);

  it("waits as long as the server asks (429), and carries on through dropped and cut requests", async () => {
    const namespace = await bed.create({}, "throttled");
    await bed.settled(namespace);
    const { proxy } = operator;
    const from = proxy.seen.length;
    proxy.inject({ fault: { kind: "status", code: 429, retryAfter: 1 }, matches: isWrite, times: 3 });
    proxy.inject({ fault: { kind: "cut-reply" }, matches: isWrite, times: 2 });
    proxy.inject({ fault: { kind: "drop" }, matches: isWrite, times: 2 });
    await rollOut(namespace, "2.0.0");
    const cutting = setInterval(() => proxy.cutAll(), 700);
    await rolledOut(namespace, "2.0.0").finally(() => clearInterval(cutting));
    unharmed(namespace);
    // Each of the refused requests came again no sooner than the server had asked for.
    const writes = proxy.seen.slice(from).filter(isWrite);
    for (const [place, { path, at }] of writes.slice(0, 3).entries()) {
      const next = writes.slice(place + 1).find((write) => write.path === path);
      expect((next?.at ?? 0) - at).toBeGreaterThanOrEqual(1000);
    }
  }, 240_000);

  it("is slow but right when every request takes two seconds, and keeps its Lease", async () => {
    const { proxy } = operator;
    proxy.heal();
    const holder = await bed.holder();
    proxy.inject({ fault: { kind: "delay", ms: 2000 } });
    const namespace = await bed.create({ executorSpec: { replicas: 1 } }, "slow");
    await bed.settled(namespace, 180_000);
    proxy.heal();
    unharmed(namespace);
    expect(await bed.holder()).toBe(holder);
  }, 240_000);

  it("lists again when its version is gone (410), and repairs what happened meanwhile", async () => {
    const { proxy } = operator;
    const namespace = await bed.create({}, "gone");
    await bed.settled(namespace);
    const from = operator.lines.length;
    // No watch comes through while the history is forgotten.
    proxy.inject({ fault: { kind: "drop" }, matches: ({ path }) => path.includes("watch=true") });
    proxy.cutAll();
    await bed.admin.delete(types.service, { namespace, name: "sales" });
    for (let i = 0; i < 5; i += 1) await bed.api.namespace("history");
    await bed.api.compact();
    await restartServer();
    proxy.heal();
    await eventually(
      "the service to be made again",
      () => bed.admin.get(types.service, { namespace, name: "sales" }),
      { timeoutMs: 90_000 },
    );
    await bed.settled(namespace);
    const failures = operator.lines.slice(from).map(({ error }) => String(error));
    expect(failures.filter((error) => error.includes("too old resource version"))).not.toEqual([]);
    unharmed(namespace);
    // At rest again, once what the repair still had to say is said: nothing is written for a while.
    await eventually("3 s without a write", async () => {
      const writes = operator.writes.length;
      await delay(3000);
      return operator.writes.length === writes;
    });
  }, 240_000);
});
