import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Database } from "../../src/ports/database.ts";
import { expectExactAnswers } from "../support/answers.ts";
import { eventually, spawnSpiced } from "../support/cluster.ts";
import { type NetworkNamespace, openNamespace } from "../support/namespace.ts";
import type { TestProcess } from "../support/process.ts";
import { eventsTable } from "../support/tables.ts";

const run = promisify(execFile);

/** How people make certificates by hand: common names alone, RSA, X.509 v1. */
const openssl = `
openssl req -x509 -newkey rsa:4096 -days 365 -nodes -keyout ca-key.pem -out ca-cert.pem -subj "/CN=Spice Cluster CA"
openssl req -newkey rsa:4096 -nodes -keyout scheduler-key.pem -out scheduler-req.pem -subj "/CN=scheduler.example.com"
openssl x509 -req -in scheduler-req.pem -CA ca-cert.pem -CAkey ca-key.pem -CAcreateserial -out scheduler-cert.pem -days 365
openssl req -newkey rsa:4096 -nodes -keyout executor-key.pem -out executor-req.pem -subj "/CN=executor-1.example.com"
openssl x509 -req -in executor-req.pem -CA ca-cert.pem -CAkey ca-key.pem -CAcreateserial -out executor-cert.pem -days 365
`;

const scheduler = `
--http 0.0.0.0:8090
--flight 0.0.0.0:50051
--role scheduler
--node-bind-address 0.0.0.0:50052
--node-mtls-ca-certificate-file ca-cert.pem
--node-mtls-certificate-file scheduler-cert.pem
--node-mtls-key-file scheduler-key.pem`;

const executor = `
--http 0.0.0.0:8090
--flight 0.0.0.0:50051
--role executor
--scheduler-address https://scheduler.example.com:50052
--node-bind-address 0.0.0.0:50052
--node-advertise-address executor-1.example.com
--node-mtls-ca-certificate-file ca-cert.pem
--node-mtls-certificate-file executor-cert.pem
--node-mtls-key-file executor-key.pem`;

/** The host of a command line, which has a machine of its own where people run it. */
const onHost = (commandLine: string, host: string) =>
  commandLine
    .trim()
    .split(/\s+/)
    .map((word) =>
      word
        .replace("0.0.0.0", host)
        .replace("scheduler.example.com", "127.0.0.1")
        .replace("executor-1.example.com", "127.0.0.2"),
    );

describe("two commands with certificates that openssl made", () => {
  let dir: string;
  let truth: Database;
  let network: NetworkNamespace;
  const nodes: TestProcess[] = [];

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "spice-openssl-"));
    network = await openNamespace();
    truth = await eventsTable(join(dir, "events.parquet"), 20_000);
    await run("sh", ["-e", "-c", openssl], { cwd: dir });
    await writeFile(
      join(dir, "spicepod.yaml"),
      `version: v1
kind: Spicepod
name: openssl
datasets:
  - from: file:${join(dir, "events.parquet")}
    name: events
    acceleration:
      engine: arrow
      partition_by: ["bucket(4, customer_id)"]
`,
    );
  });

  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await network?.stop();
    await truth?.close();
    await rm(dir, { recursive: true, force: true });
  });

  const spiced = (name: string, args: readonly string[]) => {
    const node = spawnSpiced(name, args, { cwd: dir, wrapper: network.wrapper });
    nodes.push(node);
    return node;
  };
  const curl = async (path: string, ...args: string[]): Promise<string> => {
    const url = `http://127.0.0.1:8090${path}`;
    const [program, ...rest] = [...network.wrapper, "curl", "-sS", "--fail-with-body", url, ...args] as [
      string,
      ...string[],
    ];
    return (await run(program, rest)).stdout;
  };

  test("they make a cluster under mutual TLS that answers exactly", async () => {
    for (const name of ["scheduler", "executor"]) {
      const leaf = new X509Certificate(await readFile(join(dir, `${name}-cert.pem`)));
      expect(leaf.subjectAltName).toBeUndefined();
      expect(leaf.publicKey.asymmetricKeyType).toBe("rsa");
    }
    // The common name is what a node advertises without the flag; here it is no host that anything can reach.
    const first = spiced("scheduler", [
      ...onHost(scheduler, "127.0.0.1"),
      ...["--node-advertise-address", "127.0.0.1"],
    ]);
    await first.line((line) => line.message === "Scheduler started");
    const second = spiced("executor", onHost(executor, "127.0.0.2"));
    await eventually(() => curl("/v1/ready?min_ready_executors=1"), 60_000);
    await expectExactAnswers(
      {
        sql: async (statement) =>
          JSON.parse(await curl("/v1/sql", "--data-binary", statement)) as Record<string, unknown>[],
      },
      truth,
    );
    for (const node of [first, second]) {
      const said = node.lines.filter((line) => /carries no role/.test(line.message ?? ""));
      expect(said).toHaveLength(1);
      expect(node.lines.filter((line) => ["error", "fatal"].includes(String(line["level"])))).toEqual([]);
    }
  });

  test("another CA's certificate with the same names is refused", async () => {
    await run("sh", ["-e", "-c", `mkdir other; cd other\n${openssl.replaceAll("4096", "2048")}`], {
      cwd: dir,
    });
    const args = onHost(executor, "127.0.0.3").map((word) =>
      word === "127.0.0.2" ? "127.0.0.3" : word.endsWith(".pem") ? join("other", word) : word,
    );
    const foreign = spiced("foreign", [...args, "--data-dir", "foreign"]);
    const line = await foreign.line((each) => /No spicepod from the scheduler yet/.test(each.message ?? ""));
    expect(String(line["cause"])).toMatch(/certificate|TLS|SSL|chain|issuer/i);
    const { executors } = JSON.parse(await curl("/v1/cluster")) as { executors: unknown[] };
    expect(executors).toHaveLength(1);
  });
});
