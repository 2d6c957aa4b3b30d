import { X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { PemPair } from "@spice-shards/certificates";
import { AdminServiceClient, type GetClusterResponse } from "@spice-shards/proto";
import { createAuthority, issueNode } from "../../src/cli/tls/authority.ts";
import type { Database } from "../../src/ports/database.ts";
import { expectExactAnswers } from "../support/answers.ts";
import { eventually, listening, spawnSpiced, type TestCluster } from "../support/cluster.ts";
import { type EventsCluster, startEventsCluster } from "../support/events-cluster.ts";
import { type S3TestServer, startS3Server } from "../support/s3-server.ts";
import { SecretVolume } from "../support/secret-volume.ts";

const nodes = ["scheduler-0", "scheduler-1", "executor-0", "executor-1"] as const;
const roleOf = (node: string) => `${node.split("-")[0]}.sales.prod`;
const sha256 = (pem: string) => new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();

test("the public certificate is replaced while the node runs", async () => {
  const dir = await mkdtemp(join(tmpdir(), "spice-public-"));
  const root = await createAuthority(Date.now());
  const files = new SecretVolume(join(dir, "public"));
  const renew = async (name: string) =>
    files.write(await issueNode(root, { name, hosts: [] }, Date.now()), root.certificate);
  await renew("one");
  const node = spawnSpiced(
    "single",
    [
      "--http=127.0.0.1:0",
      `--data-dir=${join(dir, "data")}`,
      `--tls-certificate-file=${join(files.path, "tls.crt")}`,
      `--tls-key-file=${join(files.path, "tls.key")}`,
    ],
    { cwd: dir },
  );
  try {
    const url = `https://${await listening(node, "http")}/health`;
    const served = () =>
      new Promise<string>((resolve, reject) => {
        get(url, { ca: root.certificate, agent: false }, (response) => {
          response.resume();
          resolve(String((response.socket as TLSSocket).getPeerCertificate().subject.CN));
        }).on("error", reject);
      });
    expect(await served()).toBe("one");
    await renew("two");
    await node.line((l) => l.message === "The public certificate was read again");
    expect(await served()).toBe("two");
  } finally {
    await node.stop();
    await rm(dir, { recursive: true, force: true });
  }
});

describe("certificates that are replaced while a cluster works", () => {
  let bed: EventsCluster | undefined;
  let dir: string;
  let truth: Database;
  let s3: S3TestServer;
  let cluster: TestCluster;
  let root: PemPair;
  const volumes = new Map<string, SecretVolume>();
  const volume = (node: string) => volumes.get(node)!;
  const issue = (ca: PemPair, name: string) =>
    issueNode(ca, { name, hosts: ["127.0.0.1"], roleName: roleOf(name) }, Date.now());

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "spice-data-"));
    s3 = await startS3Server();
    root = await createAuthority(Date.now());
    for (const node of nodes) {
      volumes.set(node, new SecretVolume(join(dir, node)));
      volume(node).write(await issue(root, node), root.certificate);
    }
    bed = await startEventsCluster({
      dir,
      executors: 2,
      schedulers: 2,
      rows: 20_000,
      security: (name) => volume(name).flags,
      state: { s3, prefix: "certificates" },
      acceleration: ["engine: arrow", 'partition_by: ["bucket(4, customer_id)"]'],
    });
    ({ cluster, truth } = bed);
  });

  afterAll(async () => {
    await bed?.stop();
    await s3?.stop();
  });

  /** What one of the schedulers tells an operator whose leaf `ca` signed. */
  async function getCluster(ca: PemPair, trust: string, role = "operator"): Promise<GetClusterResponse> {
    const leaf = await issueNode(ca, { name: role, hosts: [], roleName: `${role}.sales.prod` }, Date.now());
    const client = new AdminServiceClient(
      await listening(cluster.schedulers[0]!, "cluster"),
      credentials.createSsl(Buffer.from(trust), Buffer.from(leaf.key), Buffer.from(leaf.certificate), {
        checkServerIdentity: () => undefined,
      }),
    );
    try {
      return await new Promise((resolve, reject) => {
        client.getCluster({}, (error, response) => (error === null ? resolve(response) : reject(error)));
      });
    } finally {
      client.close();
    }
  }

  /** Wait until `GetCluster` reports for every node what its volume holds. */
  async function reported(ca: PemPair): Promise<void> {
    const wanted = nodes.map((node) => {
      const { leaf, trust } = volume(node);
      const roots = trust.split(/(?=-----BEGIN)/).map(sha256);
      return {
        leaf: sha256(leaf.certificate),
        until: new X509Certificate(leaf.certificate).validToDate,
        roots,
      };
    });
    const sorted = <T extends { leaf: string }>(list: T[]) => list.sort((a, b) => (a.leaf < b.leaf ? -1 : 1));
    await eventually(async () => {
      const { nodes: told } = await getCluster(ca, volume("scheduler-0").trust);
      const seen = told.map(({ leafSha256, leafNotAfter, trustSha256 }) => ({
        leaf: leafSha256,
        until: new Date(leafNotAfter),
        roots: trustSha256,
      }));
      expect(sorted(seen)).toEqual(sorted(wanted));
      return true;
    }, 15_000);
  }

  test("leaves are renewed and the root is rotated without a failed query or a lost stream", async () => {
    await reported(root);
    const running = new AbortController();
    let answers = 0;
    const expected = (await truth.rows("SELECT count(*) AS n, sum(customer_id) AS s FROM events")).map(
      (row) => Object.values(row).map(Number),
    );
    const client = async (scheduler: number) => {
      while (!running.signal.aborted) {
        const rows = await cluster.sql("SELECT count(*) AS n, sum(customer_id) AS s FROM events", scheduler);
        expect(rows.map((row) => Object.values(row).map(Number))).toEqual(expected);
        answers += 1;
        await delay(20);
      }
    };
    const clients = Promise.all([client(0), client(1)]);
    clients.catch(() => running.abort());
    const before = () => expect(running.signal.aborted).toBe(false);

    // Leaf renewal under the same root.
    for (const node of nodes) volume(node).write(await issue(root, node), root.certificate);
    await reported(root);
    before();
    // Root rotation: both roots trusted, then leaves of the new one, then the old one dropped.
    const next = await createAuthority(Date.now());
    const both = root.certificate + next.certificate;
    for (const node of nodes) volume(node).write(volume(node).leaf, both);
    await reported(root);
    before();
    for (const node of nodes) volume(node).write(await issue(next, node), both);
    await reported(next);
    before();
    for (const node of nodes) volume(node).write(volume(node).leaf, next.certificate);
    await reported(next);
    await delay(300);
    running.abort();
    await clients;
    expect(answers).toBeGreaterThan(5);
    const ended = cluster.executors.flatMap((p) =>
      p.lines.filter((l) => l.message === "Control stream ended"),
    );
    expect(ended).toEqual([]);
    // New connections work, and those of the old root do not.
    await cluster.executors[1]!.stop();
    await cluster.startExecutor(1);
    await cluster.ready();
    await expectExactAnswers(cluster, truth);
    await expect(getCluster(root, next.certificate)).rejects.toThrow(/UNAVAILABLE/);
    await cluster.schedulers[0]!.line((l) => /not of this cluster's CA/.test(String(l["reason"])));
    root = next;
  });

  test("a certificate for another role is not taken, and says so once", async () => {
    const good = volume("executor-0").leaf;
    volume("executor-0").write(await issue(root, "scheduler-9"), root.certificate);
    const line = await cluster.executors[0]!.line((l) =>
      /last good ones stay in force/.test(l.message ?? ""),
    );
    expect(line["cause"]).toMatch(/is for scheduler\.sales\.prod/);
    const { nodes: told } = await getCluster(root, root.certificate);
    expect(told.map((node) => node.leafSha256)).toContain(sha256(good.certificate));
    await expectExactAnswers(cluster, truth);
    await expect(getCluster(root, root.certificate, "executor")).rejects.toThrow(
      /PERMISSION_DENIED.*operator\.sales\.prod is needed here/,
    );
  });
});
