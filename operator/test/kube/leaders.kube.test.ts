/** @jest-environment ./scripts/jest/environment.mjs */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../../../kube/test/support/wait.ts";
import { imagesOf } from "./support/operator-bed.ts";
import type { OperatorReplica } from "./support/operator-replica.ts";
import { ProcessBed } from "./support/process-bed.ts";

describe("operators of which one leads", () => {
  let bed: ProcessBed;
  let namespace: string;
  const replicas = new Map<string, OperatorReplica>();

  beforeAll(async () => {
    bed = await ProcessBed.start(["webhook.enabled=false"]);
    await start("first");
    await replica("first").leading();
    await start("second");
    namespace = await bed.create({ executorSpec: { replicas: 3 } }, "leaders");
    await bed.settled(namespace);
    bed.schedulers.count(namespace, 3);
  }, 180_000);
  afterEach(() => bed.leaveIfFailed());
  afterAll(async () => {
    for (const each of replicas.values()) if (each.alive) each.thaw();
    await bed?.stop();
  });

  async function start(name: string): Promise<void> {
    replicas.set(name, await bed.operate());
  }

  function replica(name: string): OperatorReplica {
    return replicas.get(name) as OperatorReplica;
  }

  /** Begins a rollout and resolves when the named operator has written `writes` more times for it. */
  async function midRollout(tag: string, name: string, writes: number): Promise<void> {
    const before = replica(name).writes.length;
    await bed.change(namespace, { spec: { image: { tag } } });
    await eventually(`${name} to be at work`, () => replica(name).writes.length >= before + writes, {
      timeoutMs: 60_000,
      everyMs: 1,
    });
  }

  async function rolledOut(tag: string): Promise<void> {
    await bed.settled(namespace, 120_000);
    const pods = [
      ...bed.schedulers.pods(namespace, "executor"),
      ...bed.schedulers.pods(namespace, "scheduler"),
    ];
    expect(imagesOf(pods).filter((image) => image.endsWith(`:${tag}`))).toHaveLength(4);
  }

  /** Who wrote, in the order in which requests arrived; one name for each row of writes. */
  function writers(): string[] {
    const all = [...replicas].flatMap(([name, { writes }]) => writes.map(({ at }) => ({ name, at })));
    all.sort((a, b) => a.at - b.at);
    return all.map(({ name }) => name).filter((name, i, names) => name !== names[i - 1]);
  }

  it("hands over from a leader that is frozen beyond its Lease, and that one writes nothing when it wakes", async () => {
    await midRollout("2.0.0", "first", 2);
    replica("first").freeze();
    await replica("second").leading();
    await rolledOut("2.0.0");
    const written = replica("first").writes.length;
    replica("first").thaw();
    await eventually(
      "the first to know",
      async () => (await replica("first").metric("spiceai_operator_leader")) === 0,
    );
    // It goes on waiting, and whatever it still had in mind was refused before it was sent.
    await eventually("the first to wait again", () =>
      replica("first").lines.some(({ message }) => message === "leadership was lost"),
    );
    expect(replica("first").writes).toHaveLength(written);
    expect(replica("first").alive).toBe(true);
    expect(writers()).toEqual(["first", "second"]);
  }, 240_000);

  it("hands over from a leader that is killed, after its Lease", async () => {
    await midRollout("3.0.0", "second", 3);
    const killedAt = performance.now();
    replica("second").kill();
    await replica("first").leading();
    const took = performance.now() - killedAt;
    expect(took).toBeGreaterThan(10_000);
    await rolledOut("3.0.0");
    expect(writers()).toEqual(["first", "second", "first"]);
  }, 240_000);

  it("hands over at once from a leader that is told to stop", async () => {
    await start("third");
    await eventually(
      "the third to wait",
      () => replica("third").lines.some(({ message }) => message === "waiting to lead"),
      { timeoutMs: 60_000 },
    );
    await midRollout("4.0.0", "first", 3);
    const holder = await bed.holder();
    const stopped = replica("first").stop();
    const leads = async () => {
      const now = await bed.holder();
      return now !== "" && now !== holder;
    };
    await eventually("the third to lead", leads, { timeoutMs: 60_000 });
    await stopped;
    // The Lease was free at once: nobody had to wait until it ran out.
    expect(replica("first").lines.some(({ message }) => message === "leadership was released")).toBe(true);
    await rolledOut("4.0.0");
    expect(writers()).toEqual(["first", "second", "first", "third"]);
  }, 240_000);

  it("harmed nothing on the way", () => {
    expect(bed.schedulers.violations).toEqual([]);
    expect(bed.schedulers.mostUnready(namespace)).toBe(1);
    expect(bed.kubelet.failures).toEqual([]);
    const readiness = bed.readiness.of(`${namespace}/sales`);
    expect(readiness.slice(readiness.findIndex(({ status }) => status === "True"))).toHaveLength(1);
    for (const each of replicas.values()) expect(each.errors).toEqual([]);
  });
});
