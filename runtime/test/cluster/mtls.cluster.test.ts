import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Database } from "../../src/ports/database.ts";
import { expectExactAnswers } from "../support/answers.ts";
import { eventually, listening, spawnSpiced, type TestCluster } from "../support/cluster.ts";
import { type EventsCluster, startEventsCluster } from "../support/events-cluster.ts";
import { TestProcess } from "../support/process.ts";

const root = join(import.meta.dirname, "../../..");

/** Run `spice` and demand success. */
async function spice(cwd: string, ...args: string[]): Promise<void> {
  const child = new TestProcess(
    "spice",
    join(root, "node_modules/.bin/node"),
    [join(root, "runtime/bin/spice.mjs"), ...args],
    { cwd, env: { NODE_OPTIONS: undefined } },
  );
  expect({ args, code: await child.exited, said: child.tail(5) }).toMatchObject({ code: 0 });
}

const files = (pki: string, name: string) => [
  `--node-mtls-ca-certificate-file=${join(pki, "ca.crt")}`,
  `--node-mtls-certificate-file=${join(pki, `${name}.crt`)}`,
  `--node-mtls-key-file=${join(pki, `${name}.key`)}`,
];

describe("a cluster under mTLS with certificates of `spice cluster tls`", () => {
  let bed: EventsCluster | undefined;
  let dir: string;
  let truth: Database;
  let cluster: TestCluster;
  let pki: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "spice-data-"));
    pki = join(dir, "pki");
    await spice(dir, "cluster", "tls", "init", "--dir", pki);
    for (const name of ["scheduler-0", "executor-0", "executor-1", "stranger"]) {
      await spice(dir, "cluster", "tls", "add", name, "--dir", pki, "--host", "127.0.0.1");
    }
    bed = await startEventsCluster({
      dir,
      executors: 2,
      rows: 20_000,
      security: (name) => files(pki, name),
      env: { TEST_MTLS_SECRET: "a secret value" },
      acceleration: ["engine: arrow", 'partition_by: ["bucket(4, customer_id)"]'],
    });
    ({ cluster, truth } = bed);
  });

  afterAll(() => bed?.stop());

  test("answers exactly", async () => {
    await expectExactAnswers(cluster, truth);
  });

  test("goes on when a node comes back", async () => {
    cluster.executors[1]!.kill("SIGKILL");
    await cluster.executors[1]!.exited;
    await cluster.startExecutor(1);
    await cluster.ready();
    await expectExactAnswers(cluster, truth);
  });

  const intruder = async (name: string, scheme: string, flags: readonly string[]) =>
    spawnSpiced(
      name,
      [
        "--role=executor",
        `--scheduler-address=${scheme}://${await listening(cluster.schedulers[0]!, "cluster")}`,
        "--http=127.0.0.1:0",
        "--node-bind-address=127.0.0.1:0",
        "--node-advertise-address=127.0.0.1",
        `--data-dir=${join(dir, name)}`,
        ...flags,
      ],
      { cwd: dir },
    );

  test("an executor without TLS gets nothing from the mTLS port, and says so", async () => {
    const plain = await intruder("plain", "http", ["--allow-insecure-connections"]);
    try {
      const line = await plain.line((l) => /No spicepod from the scheduler yet/.test(l.message ?? ""));
      expect(String(line["cause"])).not.toBe("");
    } finally {
      await plain.stop();
    }
    await expectMembers(2);
  });

  test("an executor of another CA is refused, on both sides with a reason", async () => {
    const other = join(dir, "other-pki");
    await spice(dir, "cluster", "tls", "init", "--dir", other);
    await spice(dir, "cluster", "tls", "add", "foreign", "--dir", other, "--host", "127.0.0.1");
    const foreign = await intruder("foreign", "https", files(other, "foreign"));
    try {
      const line = await foreign.line((l) => /No spicepod from the scheduler yet/.test(l.message ?? ""));
      expect(String(line["cause"])).toMatch(/certificate|TLS|SSL|chain|issuer/i);
    } finally {
      await foreign.stop();
    }
    await expectMembers(2);
  });

  test("a certificate without its key does not start, with a reason", async () => {
    const broken = await intruder("broken", "https", [
      `--node-mtls-ca-certificate-file=${join(pki, "ca.crt")}`,
      `--node-mtls-certificate-file=${join(pki, "stranger.crt")}`,
      `--node-mtls-key-file=${join(pki, "executor-0.key")}`,
    ]);
    expect(await broken.exited).toBe(1);
    expect(broken.tail()).toMatch(/key/);
  });

  async function expectMembers(count: number): Promise<void> {
    const { executors } = await eventually(() => cluster.get<{ executors: unknown[] }>("/v1/cluster"));
    expect(executors).toHaveLength(count);
  }
});
