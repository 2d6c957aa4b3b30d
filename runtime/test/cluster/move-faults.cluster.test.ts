import { writeFileSync } from "node:fs";
import { mkdtemp, rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { PemPair } from "@spice-shards/certificates";
import { openStore } from "../../src/adapters/store/open.ts";
import { createAuthority, issueNode } from "../../src/cli/tls/authority.ts";
import type { Database } from "../../src/ports/database.ts";
import type { ObjectStore } from "../../src/ports/object-store.ts";
import { comparable, expectExactAnswers } from "../support/answers.ts";
import { eventually, listening, type TestCluster } from "../support/cluster.ts";
import { type EventsCluster, startEventsCluster } from "../support/events-cluster.ts";
import { FaultProxy, type ProxiedRequest } from "../support/fault-proxy.ts";
import { askDrain, balanced, type ExecutorView, whileAsking } from "../support/moving-cluster.ts";
import { type S3TestServer, startS3Server } from "../support/s3-server.ts";

interface ClusterView {
  readonly revision: number;
  readonly executors: readonly ExecutorView[];
}

const lostAfterMs = 5_000;
/** Twelve buckets, and the one of NULL. */
const total = 13;
const question = "SELECT count(*) AS n, sum(id) AS s, count(DISTINCT region) AS r FROM events";
const prefix = "faults";

describe("bad input and faults while partitions move", () => {
  let dir: string;
  let bed: EventsCluster | undefined;
  let truth: Database;
  let answer: unknown;
  let s3: S3TestServer;
  let proxy: FaultProxy;
  let store: ObjectStore;
  let ca: PemPair;
  let cluster: TestCluster;
  const ids: string[] = [];

  const file = (name: string, end: string) => join(dir, `${name}.${end}`);
  const issue = (name: string, roleName = `${name.split("-")[0]}.sales.prod`) =>
    issueNode(ca, { name, hosts: ["127.0.0.1"], roleName }, Date.now());
  const write = (name: string, { certificate, key }: PemPair) => {
    writeFileSync(file(name, "crt"), certificate);
    writeFileSync(file(name, "key"), key);
  };
  const flags = (name: string) => [
    `--node-mtls-ca-certificate-file=${file("ca", "crt")}`,
    `--node-mtls-certificate-file=${file(name, "crt")}`,
    `--node-mtls-key-file=${file(name, "key")}`,
  ];

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "spice-data-"));
    s3 = await startS3Server();
    proxy = await FaultProxy.start(s3.endpoint);
    store = openStore(`s3://${s3.bucket}/${prefix}/`, s3.params);
    ca = await createAuthority(Date.now());
    writeFileSync(file("ca", "crt"), ca.certificate);
    for (const name of ["scheduler-0", "scheduler-1", "executor-0", "executor-1", "executor-2"]) {
      write(name, await issue(name));
    }
    bed = await startEventsCluster({
      dir,
      executors: 2,
      schedulers: 2,
      rows: 20_000,
      security: flags,
      state: { s3, prefix, endpoint: proxy.url },
      scheduler: [
        "partition_assignment_interval: 5s",
        `executor_lost_after: ${lostAfterMs / 1000}s`,
        "max_partition_assignments_per_interval: 2",
      ],
      acceleration: ["engine: arrow", 'partition_by: ["bucket(12, id)"]'],
    });
    ({ cluster, truth } = bed);
    answer = comparable(await truth.rows(question));
    for (const executor of cluster.executors) ids.push(await listening(executor, "cluster"));
  });

  afterAll(async () => {
    await bed?.stop();
    await store?.close();
    await proxy?.stop();
    await s3?.stop();
  });

  const view = (scheduler = 0) => cluster.get<ClusterView>("/v1/cluster", scheduler);
  const owners = async () => (await view()).executors.map(({ id, partitions }) => ({ id, partitions }));
  const drain = (executor: string, options: { undrain?: boolean; scheduler?: number } = {}) =>
    askDrain(cluster, executor, options);
  /** Both schedulers see these executors own everything in equal parts, loaded, and nothing moving. */
  const settled = (on: readonly string[], timeoutMs = 30_000) =>
    eventually(async () => {
      for (const { executors } of [await view(0), await view(1)]) {
        if (!balanced(executors, on, total)) throw new Error(JSON.stringify(executors));
      }
      return true;
    }, timeoutMs);
  /** Both schedulers are asked. */
  const asking = (work: () => Promise<unknown>) =>
    whileAsking(cluster, { question, answer, schedulers: [0, 1], pauseMs: 30 }, work);

  test("a drain that is asked for twice at once while a rebalance is under way", async () => {
    const asked = await asking(async () => {
      ids.push(await listening(await cluster.startExecutor(2), "cluster"));
      await eventually(async () => (await view()).executors.some(({ moving }) => moving > 0) || undefined);
      const both = await Promise.all([drain(ids[0]!, { scheduler: 0 }), drain(ids[0]!, { scheduler: 1 })]);
      const already = both.map(({ text }) => (JSON.parse(text) as { already: boolean }).already);
      expect(already.sort()).toEqual([false, true]);
      await settled(ids.slice(1));
    });
    expect(asked).toMatchObject({ wrong: 0, failed: [] });
    for (const scheduler of [0, 1]) {
      expect((await view(scheduler)).executors.find(({ id }) => id === ids[0])).toMatchObject({
        state: "draining",
        drain: { state: "DRAINED" },
      });
    }
  });

  test("an unknown executor and the last one, whichever scheduler is asked", async () => {
    for (const scheduler of [0, 1]) {
      const unknown = await drain("nobody:1", { scheduler });
      expect(unknown).toEqual({
        status: 404,
        text: `Executor nobody:1 is not a member of this cluster. Its executors: ${[...ids].sort().join(", ")}`,
      });
    }
    expect((await drain(ids[1]!)).status).toBe(200);
    await settled([ids[2]!]);
    const last = await drain(ids[2]!, { scheduler: 1 });
    expect(JSON.parse(last.text)).toMatchObject({
      state: "BLOCKED",
      remaining: total,
      reason: "no other active executor is heard",
    });
    await expectExactAnswers(cluster, truth);
    for (const id of ids) expect((await drain(id, { undrain: true })).status).toBe(200);
    await settled(ids);
  });

  const rootPut = ({ method, path }: ProxiedRequest) => method === "PUT" && path.includes("/cluster.json");

  test("a store that loses replies after the commit: one drain, committed once", async () => {
    const before = await view();
    proxy.inject({ fault: { kind: "cut-reply" }, matches: rootPut, times: 3 });
    const asked = await asking(async () => {
      expect(JSON.parse((await drain(ids[1]!)).text)).toMatchObject({ already: false });
      await settled([ids[0]!, ids[2]!]);
    });
    expect(asked).toMatchObject({ wrong: 0, failed: [] });
    expect(proxy.seen.filter(({ fault }) => fault?.kind === "cut-reply")).toHaveLength(3);
    const after = await view();
    expect(after.executors).toHaveLength(before.executors.length);
    expect((await drain(ids[1]!, { undrain: true })).status).toBe(200);
    await settled(ids);
  });

  test("a store that answers 503: nothing moves or is lost, and it goes on by itself", async () => {
    const before = await owners();
    const unavailable = { kind: "status", status: 503, code: "ServiceUnavailable" } as const;
    const asked = await asking(async () => {
      proxy.inject({ fault: unavailable });
      // Until every lease is over, and longer than the time after which a silent executor is taken for lost.
      await delay(1.2 * lostAfterMs + 3_000);
      const refused = await drain(ids[0]!);
      expect(refused).toMatchObject({ status: 503, text: expect.stringMatching(/cluster\.json: 503/) });
      proxy.heal();
      await eventually(() => expectExactAnswers(cluster, truth).then(() => true));
    });
    expect(asked.wrong).toBe(0);
    expect(asked.right).toBeGreaterThan(5);
    // Queries wait for the leases until their deadline; only what is certain to fail is refused before.
    for (const failure of asked.failed) expect(failure).toMatch(/HTTP 503: .*not assigned to any executor/);
    await settled(ids);
    expect(await owners()).toEqual(before);
  });

  test("a store that forgets cluster.json, or has another cluster's in its place", async () => {
    const path = `${store.location}cluster.json`;
    const { body } = (await store.get("cluster.json"))!;
    const own = JSON.parse(Buffer.from(body).toString()) as { cluster_id: string };
    const asked = await asking(async () => {
      await store.delete("cluster.json");
      const missing = { status: 503, text: `Cluster document is missing at ${path}` };
      expect(await drain(ids[0]!, { scheduler: 0 })).toEqual(missing);
      expect(await drain(ids[0]!, { scheduler: 1 })).toEqual(missing);
      expect(await store.get("cluster.json")).toBeUndefined();
      // As another cluster leaves it that was given the same place.
      const foreign = Buffer.from(
        JSON.stringify({ ...own, cluster_id: "other", revision: 1, schedulers: {} }),
      );
      await store.put("cluster.json", foreign, { kind: "absent" });
      for (const scheduler of [0, 1]) {
        expect(await drain(ids[0]!, { scheduler })).toMatchObject({
          status: 503,
          text: expect.stringContaining(
            `Cluster document at ${path} belongs to another cluster: its cluster_id is other, this cluster's ${own.cluster_id}.`,
          ),
        });
      }
      expect(Buffer.from((await store.get("cluster.json"))!.body)).toEqual(foreign);
      await store.put("cluster.json", body, { kind: "any" });
      expect(await drain(ids[0]!)).toMatchObject({ status: 200 });
      await settled(ids.slice(1));
      expect(await drain(ids[0]!, { undrain: true })).toMatchObject({ status: 200 });
      await settled(ids);
    });
    expect(asked).toMatchObject({ wrong: 0, failed: [] });
  });

  test("certificates half written, without their key, and for another role: the last good pair stays", async () => {
    const executor = cluster.executors[0]!;
    const good = await issue("executor-0");
    const refused = async (pair: PemPair, cause: RegExp) => {
      const seen = executor.lines.length;
      write("executor-0", pair);
      await eventually(() =>
        executor.lines
          .slice(seen)
          .find(
            (l) => /last good ones stay in force/.test(l.message ?? "") && cause.test(String(l["cause"])),
          ),
      );
    };
    const asked = await asking(async () => {
      await refused({ ...good, certificate: good.certificate.slice(0, 300) }, /executor-0\.crt.*is cut off/);
      await refused({ ...good, key: (await issue("executor-0")).key }, /is not the key of the certificate/);
      await refused(await issue("executor-0", "scheduler.sales.prod"), /is for scheduler\.sales\.prod/);
      await refused({ ...good, key: "" }, /executor-0\.key/);
      const seen = executor.lines.length;
      write("executor-0", await issue("executor-0"));
      await eventually(() =>
        executor.lines.slice(seen).find((l) => l.message === "Certificates were read again"),
      );
    });
    expect(asked).toMatchObject({ wrong: 0, failed: [] });
  });

  test("partitions move while their source is away, also to an executor that never saw it", async () => {
    const source = join(dir, "events.parquet");
    expect((await drain(ids[2]!)).status).toBe(200);
    await settled(ids.slice(0, 2));
    await cluster.executors[2]!.stop();
    await rename(source, `${source}.away`);
    const asked = await asking(async () => {
      // A new process: the drain of the old one is over, and it gets its part.
      await cluster.startExecutor(2);
      await settled(ids, 40_000);
      expect((await drain(ids[0]!)).status).toBe(200);
      await settled(ids.slice(1), 40_000);
    });
    expect(asked).toMatchObject({ wrong: 0, failed: [] });
    await expectExactAnswers(cluster, truth);
    await rename(`${source}.away`, source);
    expect((await drain(ids[0]!, { undrain: true })).status).toBe(200);
    await settled(ids);
  });

  test("cluster.json deleted while every node is down: no scheduler begins another cluster", async () => {
    await cluster.stopProcesses();
    const { body } = (await store.get("cluster.json"))!;
    await store.delete("cluster.json");
    const refused = await cluster.startScheduler(0);
    expect(await refused.exited).toBe(1);
    expect(refused.tail()).toContain(
      `spiced cannot start: Cluster document is missing at ${store.location}cluster.json, but app/`,
    );
    expect(await store.get("cluster.json")).toBeUndefined();
    await store.put("cluster.json", body, { kind: "absent" });
    await cluster.startScheduler(0);
    await Promise.all([0, 1, 2].map((i) => cluster.startExecutor(i)));
    await cluster.ready();
    await expectExactAnswers(cluster, truth);
  });
});
