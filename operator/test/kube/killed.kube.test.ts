/** @jest-environment ./scripts/jest/environment.mjs */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { certificateFacts, readBundle } from "@spice-shards/certificates";
import type { KubeObject } from "@spice-shards/kube";
import { FaultProxy } from "../../../kube/test/support/fault-proxy.ts";
import { types } from "../../src/reconcile/cache/resource-types.ts";
import { conditionOf, imagesOf } from "./support/operator-bed.ts";
import { isWrite, type OperatorReplica } from "./support/operator-replica.ts";
import { ProcessBed } from "./support/process-bed.ts";

interface SecretObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * At which step (a write or a drain) each process is killed, and whether the step still happens. Each line is one
 * process; after the last the first is next.
 */
const deaths: readonly (readonly [step: number, happens: boolean])[] = [
  [1, true],
  [2, false],
  [3, true],
  [1, false],
  [2, true],
  [4, false],
];

describe("an operator that is killed again and again", () => {
  let bed: ProcessBed;
  let proxy: FaultProxy;
  let namespace: string;
  let kills = 0;

  beforeAll(async () => {
    bed = await ProcessBed.start(["replicas=1", "leaderElection.enabled=false", "webhook.enabled=false"]);
    namespace = await bed.api.namespace("killed");
  });
  beforeEach(async () => {
    proxy = await FaultProxy.start(bed.api);
  });
  afterEach(() => bed.leaveIfFailed());
  afterAll(() => bed?.stop());

  /** Starts an operator that dies at a step. */
  async function doomed([step, happens]: readonly [number, boolean]): Promise<OperatorReplica> {
    let steps = 0;
    let replica: OperatorReplica | undefined;
    const atStep = (): boolean => {
      steps += 1;
      return steps >= step;
    };
    proxy.heal();
    proxy.inject({
      // What does not happen is lost with the process.
      fault: happens ? { kind: "delay", ms: 0 } : { kind: "drop" },
      matches: (request) => {
        if (!isWrite(request) || !atStep()) return false;
        die(replica, happens);
        return true;
      },
    });
    bed.schedulers.onCall = () => {
      if (!atStep()) return;
      die(replica, happens);
      if (!happens) throw new Error("the operator died first");
    };
    replica = await bed.operate([], proxy);
    return replica;
  }

  /** It stands still from now on, and is gone as soon as the server has carried out its last request. */
  function die(replica: OperatorReplica | undefined, happens: boolean): void {
    if (replica?.alive !== true) return;
    kills += 1;
    if (happens) {
      replica.freeze();
      setTimeout(() => replica.kill(), 100);
    } else replica.kill();
  }

  /** Lets operators die until one finds nothing left to do: the cluster is settled and `done`. */
  async function throughDeaths(done: () => Promise<boolean> | boolean): Promise<void> {
    kills = 0;
    for (let life = 0; life < 60; life += 1) {
      const replica = await doomed(deaths[life % deaths.length] as readonly [number, boolean]);
      const before = proxy.seen.length;
      while (replica.alive) {
        await delay(100);
        // Settled by the word of this process, or of one before it that had nothing left to say.
        const looked = proxy.seen.slice(before).some(({ path }) => path.includes("watch=true"));
        if (!looked || !(await isSettled()) || !(await done())) continue;
        await delay(500);
        if (!replica.alive) break;
        bed.schedulers.onCall = undefined;
        await replica.stop();
        expect(replica.errors).toEqual([]);
        return;
      }
    }
    throw new Error(`not done after ${kills} deaths: ${JSON.stringify((await bed.read(namespace)).status)}`);
  }

  async function isSettled(): Promise<boolean> {
    const { metadata, status = {} } = await bed.read(namespace);
    const holds = (type: string) => conditionOf(status, type)?.status === "True";
    const current = status["observedGeneration"] === metadata.generation;
    return current && holds("Ready") && !holds("Progressing") && !holds("Degraded");
  }

  /** Nothing that owned partitions was removed, and Ready stayed as it was. */
  function unharmed(): void {
    expect(bed.schedulers.violations).toEqual([]);
    expect(bed.kubelet.failures).toEqual([]);
    const readiness = bed.readiness.of(`${namespace}/sales`);
    expect(readiness.slice(readiness.findIndex(({ status }) => status === "True"))).toHaveLength(1);
  }

  const executors = () => bed.schedulers.pods(namespace, "executor");

  it("creates a cluster", async () => {
    await bed.admin.create(types.cluster, bed.clusterOf(namespace, { executorSpec: { replicas: 3 } }));
    await throughDeaths(() => true);
    expect(kills).toBeGreaterThan(5);
    expect(executors()).toHaveLength(3);
    unharmed();
  }, 300_000);

  it("scales down", async () => {
    bed.schedulers.count(namespace, 2);
    await bed.change(namespace, { spec: { executorSpec: { replicas: 2 } } });
    await throughDeaths(() => executors().length === 2);
    expect(kills).toBeGreaterThan(2);
    expect(executors().map(({ metadata }) => metadata.name)).toEqual([
      "sales-executor-0-0",
      "sales-executor-1-0",
    ]);
    expect(bed.schedulers.mostUnready(namespace)).toBe(0);
    unharmed();
  }, 300_000);

  it("rolls out", async () => {
    bed.schedulers.count(namespace, 2);
    await bed.change(namespace, { spec: { image: { tag: "2.0.0" } } });
    const pods = () => [...executors(), ...bed.schedulers.pods(namespace, "scheduler")];
    const isNew = (image: string) => image.endsWith(":2.0.0");
    await throughDeaths(() => pods().length === 3 && imagesOf(pods()).every(isNew));
    expect(kills).toBeGreaterThan(4);
    expect(bed.schedulers.mostUnready(namespace)).toBe(1);
    // Drains that it began have ended.
    const sets = await bed.admin.list<KubeObject>(types.statefulSet, { namespace });
    const marks = sets.items.map(({ metadata }) => metadata.annotations?.["spice.ai/drained-for"]);
    expect(marks).toEqual([undefined, undefined]);
    unharmed();
  }, 300_000);

  it("replaces the root", async () => {
    const secret = async (name: string) => {
      const { data = {} } = await bed.admin.get<SecretObject>(types.secret, { namespace, name });
      const text = (key: string) => Buffer.from(data[key] ?? "", "base64").toString();
      return { leaf: text("tls.crt"), bundle: readBundle(text("ca.crt")) };
    };
    const trust = async () =>
      (await secret("sales-scheduler-tls")).bundle.map((pem) => certificateFacts(pem).sha256);
    const [before] = await trust();
    bed.schedulers.count(namespace, 2);
    await bed.change(namespace, { metadata: { annotations: { "spice.ai/rotate-root": "now" } } });
    const names = ["sales-scheduler-tls", "sales-executor-0-tls", "sales-executor-1-tls"];
    await throughDeaths(async () => {
      const bundles = await Promise.all(names.map(async (name) => (await secret(name)).bundle));
      const roots = new Set(bundles.flat().map((pem) => certificateFacts(pem).sha256));
      return roots.size === 1 && !roots.has(before ?? "");
    });
    expect(kills).toBeGreaterThan(4);
    expect(bed.schedulers.mostUnready(namespace)).toBe(0);
    unharmed();
  }, 300_000);
});
