import { status } from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "@jest/globals";
import { createRoot, issueLeaf, type LeafNames, type PemPair } from "@spice-shards/certificates";
import { executorIndex } from "./executor-index.ts";
import { createAdminDialer } from "./grpc-dialer.ts";
import { type AdminTls, type ClusterAdmin, SchedulerUnreachableError } from "./port.ts";
import { FakeAdmin } from "./testing/fake-admin.ts";

const time = { nowMs: Date.now(), validMs: 86_400_000 };
const target = { namespace: "data", cluster: "sales" };
const id = "sales-executor-1-0.sales-executor.data.svc.cluster.local:50052";

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

async function start(options?: Parameters<typeof FakeAdmin.start>[0]): Promise<FakeAdmin> {
  const fake = await FakeAdmin.start(options);
  cleanUps.push(() => fake.stop());
  return fake;
}

function dial(addresses: readonly string[], tls?: AdminTls, callTimeoutMs = 5_000): ClusterAdmin {
  const admin = createAdminDialer({ callTimeoutMs }).dial({ ...target, addresses, tls });
  cleanUps.push(() => admin.close());
  return admin;
}

test("an address names its executor", () => {
  expect(executorIndex("sales", id)).toBe(1);
  expect(executorIndex("sales", "sales-executor-12-0:50052")).toBe(12);
  expect(executorIndex("sales", "sales-eu-executor-1-0.x:50052")).toBeUndefined();
  expect(executorIndex("sales", "sales-executor-01-0.x:50052")).toBeUndefined();
  expect(executorIndex("sales", "10.0.0.1:50052")).toBeUndefined();
});

describe("in plain text", () => {
  test("the cluster is reported as the planner reads it", async () => {
    const fake = await start();
    fake.setExecutor({ id, owned: 4, loaded: 3, moving: 1 });
    fake.cluster = {
      ...fake.cluster,
      revision: 7,
      appGeneration: 2,
      tables: [
        { table: "a", partitionsTotal: 4, partitionsAssigned: 4, partitionsLoaded: 3, freshAtMs: 5 },
        { table: "b", partitionsTotal: 2, partitionsAssigned: 1, partitionsLoaded: 0, freshAtMs: 0 },
      ],
      problems: [{ dataset: "b", message: "no route to the source" }],
      nodes: [
        { id, leafSha256: "aa", leafNotAfter: 9, trustSha256: ["bb", "cc"] },
        { id: "10.0.0.1:50052", leafSha256: "", leafNotAfter: 0, trustSha256: [] },
      ],
    };
    expect(await dial([fake.address]).getCluster()).toEqual({
      revision: 7,
      appGeneration: 2,
      executors: [{ id, index: 1, instanceId: "1", state: "active", owned: 4, loaded: 3, moving: 1 }],
      partitions: { total: 6, assigned: 5, loaded: 3 },
      tables: [
        { name: "a", total: 4, assigned: 4, loaded: 3, freshMs: 5 },
        { name: "b", total: 2, assigned: 1, loaded: 0, freshMs: undefined },
      ],
      problems: [{ dataset: "b", message: "no route to the source" }],
      nodes: [
        { id, index: 1, leafSha256: "aa", leafNotAfterMs: 9, trustSha256: ["bb", "cc"] },
        { id: "10.0.0.1:50052", index: undefined, trustSha256: [] },
      ],
    });
  });

  test("drains begin, are blocked and end", async () => {
    const fake = await start();
    fake.setExecutor({ id, owned: 4, loaded: 4 });
    const admin = dial([fake.address]);
    fake.blocked = "no other executor";
    await admin.drain([id]);
    expect((await admin.getCluster()).executors).toMatchObject([
      { state: "draining", owned: 4, drain: { state: "BLOCKED", remaining: 4, reason: "no other executor" } },
    ]);
    fake.blocked = undefined;
    await admin.drain([id]);
    expect((await admin.getCluster()).executors[0]).toMatchObject({
      owned: 0,
      drain: { state: "DRAINED", remaining: 0 },
    });
    await admin.undrain([id]);
    const [executor] = (await admin.getCluster()).executors;
    expect(executor).toMatchObject({ state: "active" });
    expect(executor).not.toHaveProperty("drain");
  });

  test("an executor that is no member needs no drain", async () => {
    const fake = await start();
    const admin = dial([fake.address]);
    await admin.drain(["gone:1", "away:1"]);
    await admin.undrain(["gone:1"]);
    expect(fake.calls).toEqual(["Drain gone:1", "Drain away:1", "Undrain gone:1"]);
  });

  test("another scheduler is asked when one fails, and asked first from then on", async () => {
    const [one, two] = [await start(), await start()];
    const admin = dial([one.address, two.address]);
    one.failure = { code: status.UNAVAILABLE, message: "cluster.json was not read yet" };
    expect((await admin.getCluster()).revision).toBe(1);
    expect((await admin.getCluster()).revision).toBe(1);
    expect([one.calls.length, two.calls.length]).toEqual([1, 2]);
  });

  test("without any answer every reason is given", async () => {
    const [refusing, silent] = [await start(), await start()];
    refusing.failure = { code: status.UNAVAILABLE, message: "cluster.json was not read yet" };
    silent.silent = true;
    const gone = await FakeAdmin.start();
    gone.stop();
    const admin = dial([refusing.address, silent.address, gone.address], undefined, 200);
    const error = await admin.getCluster().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(SchedulerUnreachableError);
    expect((error as Error).message).toBe(
      `${refusing.address}: cluster.json was not read yet; ${silent.address}: no answer within 200 ms; ${gone.address}: connect ECONNREFUSED ${gone.address}`,
    );
    await expect(dial([]).getCluster()).rejects.toThrow("no scheduler is ready");
  });

  test("a scheduler that comes back is asked at once", async () => {
    const gone = await FakeAdmin.start();
    const admin = dial([gone.address]);
    await admin.getCluster();
    gone.stop();
    await expect(admin.getCluster()).rejects.toBeInstanceOf(SchedulerUnreachableError);
    await start({ port: Number(gone.address.split(":")[1]) });
    expect((await admin.getCluster()).revision).toBe(1);
  });

  test("a caller that gives up ends the call", async () => {
    const fake = await start();
    fake.silent = true;
    const admin = dial([fake.address]);
    const giveUp = new AbortController();
    const call = admin.getCluster(giveUp.signal);
    // Not before the scheduler has it.
    const waiting = setInterval(() => {
      if (fake.calls.length > 0) giveUp.abort(new Error("leadership was lost"));
    }, 5);
    await expect(call).rejects.toThrow("leadership was lost");
    clearInterval(waiting);
    expect(fake.calls).toHaveLength(1);
  });
});

describe("with mTLS", () => {
  const names = (role: string, uri: boolean): LeafNames => ({
    commonName: role,
    hosts: uri ? ["x"] : [`${role}.sales.data`],
    uris: uri ? [`spiffe://data/sales/${role}`] : [],
  });
  const leaf = async (root: PemPair, role: string, uri = false, ca = root): Promise<AdminTls> => {
    const { certificate, key } = await issueLeaf(root, names(role, uri), time);
    return { ca: ca.certificate, cert: certificate, key };
  };

  test.each([true, false])("a scheduler is known by its role, wherever it is (URI name: %s)", async (uri) => {
    const root = await createRoot("sales", time);
    const fake = await start({ tls: await leaf(root, "scheduler", uri) });
    const admin = dial([fake.address], await leaf(root, "operator"));
    expect((await admin.getCluster()).revision).toBe(1);
  });

  test("an executor, another cluster's scheduler or a stranger's root is not asked", async () => {
    const [root, stranger] = [await createRoot("sales", time), await createRoot("other", time)];
    const own = await leaf(root, "operator");
    const executor = await start({ tls: await leaf(root, "executor") });
    const other = await start({ tls: await leaf(stranger, "scheduler", false, root) });
    await expect(dial([executor.address], own).getCluster()).rejects.toThrow(
      "its certificate is not one of scheduler.sales.data",
    );
    await expect(dial([other.address], own).getCluster()).rejects.toThrow(/self.signed|unable to verify/);
    expect([...executor.calls, ...other.calls]).toEqual([]);
  });

  test("a caller in plain text gets no answer", async () => {
    const root = await createRoot("sales", time);
    const fake = await start({ tls: await leaf(root, "scheduler") });
    await expect(dial([fake.address], undefined, 500).getCluster()).rejects.toBeInstanceOf(
      SchedulerUnreachableError,
    );
    expect(fake.calls).toEqual([]);
  });
});
