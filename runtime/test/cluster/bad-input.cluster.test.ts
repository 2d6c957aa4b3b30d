import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { openStore } from "../../src/adapters/store/open.ts";
import { startCarelessS3 } from "../support/careless-s3.ts";
import { eventually, listening, spawnSpiced, TestCluster } from "../support/cluster.ts";
import { FaultProxy, type ProxiedRequest } from "../support/fault-proxy.ts";
import type { TestProcess } from "../support/process.ts";
import { type S3TestServer, startS3Server } from "../support/s3-server.ts";

const schedulerFlags = [
  "--role=scheduler",
  "--http=127.0.0.1:0",
  "--node-bind-address=127.0.0.1:0",
  "--node-advertise-address=127.0.0.1",
];
const insecure = "--allow-insecure-connections";
const spicepod = (runtime: string, rest = "") => `version: v1
kind: Spicepod
name: bad
runtime:
  scheduler:
${runtime}${rest}
`;

describe("what is wrong at the start ends it with a reason", () => {
  let dir: string;
  let s3: S3TestServer;
  const started: TestProcess[] = [];

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "spice-bad-"));
    s3 = await startS3Server();
  });

  afterEach(async () => {
    await Promise.all(started.splice(0).map((p) => p.stop()));
  });

  afterAll(async () => {
    await s3?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  function spiced(args: readonly string[], cwd = dir): TestProcess {
    const process = spawnSpiced("spiced", args, { cwd });
    started.push(process);
    return process;
  }

  /** A scheduler over this spicepod. */
  async function scheduler(text: string, flags: readonly string[] = [insecure]): Promise<TestProcess> {
    const cwd = await mkdtemp(join(dir, "node-"));
    await writeFile(join(cwd, "spicepod.yaml"), text);
    return spiced([...schedulerFlags, ...flags], cwd);
  }

  const end = async (process: TestProcess) => ({ code: await process.exited, said: process.tail() });

  const s3Params = (endpoint: string) => `    state_location: s3://${s3.bucket}/bad/
    params: { endpoint: "${endpoint}", region: us-east-1, auth: key, key: ${s3.accessKey}, secret: ${s3.secretKey} }`;

  test("a wrong flag", async () => {
    expect(await end(spiced(["--role", "scheduler", "--htpp", "127.0.0.1:1"]))).toEqual({
      code: 2,
      said: "Unknown flag --htpp. Did you mean --http?\nRun `spiced --help` for the list of flags.",
    });
  });

  test("a role without certificates", async () => {
    const { code, said } = await end(await scheduler(spicepod("    state_location: file:///tmp/x/"), []));
    expect(code).toBe(1);
    expect(said).toContain(
      "Cluster mTLS requires all of: --node-mtls-ca-certificate-file, --node-mtls-certificate-file, --node-mtls-key-file",
    );
    expect(said).toContain(insecure);
  });

  test("a spicepod with several mistakes: all of them, with what was meant", async () => {
    const { code, said } = await end(
      await scheduler(
        spicepod(
          "    state_locaton: file:///tmp/x/",
          `
datasets:
  - from: file:/tmp/events.parquet
    name: events
    accelerations:
      engine: duckdb
  - from: file:/tmp/other.parquet
    name: other
    acceleration:
      engine: duckdbb
      partition_by: ["bucket(4, id)"]
`,
        ),
      ),
    );
    expect(code).toBe(1);
    for (const part of ["state_locaton", "state_location", "accelerations", "duckdbb", "duckdb"]) {
      expect(said).toContain(part);
    }
  });

  test("a port that another process has", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    const { port } = holder.address() as { port: number };
    try {
      const cwd = await mkdtemp(join(dir, "node-"));
      await writeFile(join(cwd, "spicepod.yaml"), spicepod(`    state_location: file://${cwd}/state/`));
      const flags = schedulerFlags.filter((f) => !f.startsWith("--http"));
      expect(await end(spiced([...flags, insecure, `--http=127.0.0.1:${port}`], cwd))).toMatchObject({
        code: 1,
        said: expect.stringContaining(
          `The http address 127.0.0.1:${port} is in use by another process: stop it, or give another address with --http`,
        ),
      });
    } finally {
      holder.close();
    }
  });

  test("a state store that cannot be reached", async () => {
    const { code, said } = await end(await scheduler(spicepod(s3Params("http://127.0.0.1:9"))));
    expect(code).toBe(1);
    expect(said).toMatch(/spiced cannot start: .*s3:\/\/test-bucket\/bad\//);
    expect(said).not.toContain(s3.secretKey);
  });

  test("a state store with a wrong key", async () => {
    const text = spicepod(s3Params(s3.endpoint)).replace(`secret: ${s3.secretKey}`, "secret: wrong");
    const { code, said } = await end(await scheduler(text));
    expect(code).toBe(1);
    expect(said).toMatch(/spiced cannot start: .*(SignatureDoesNotMatch|signature)/i);
  });

  test("a state store that ignores the conditions of writes", async () => {
    const careless = await startCarelessS3();
    try {
      const { code, said } = await end(await scheduler(spicepod(s3Params(careless.endpoint))));
      expect(code).toBe(1);
      expect(said).toContain("does not honour conditional writes");
    } finally {
      await careless.stop();
    }
  });

  test.each([
    ["corrupt", "{ this is not", /corrupt/i],
    [
      "of another version",
      '{"schema_version": 7, "cluster_id": "c", "revision": 1}',
      /Cluster document at .*cluster\.json has unsupported schema version 7/,
    ],
  ])("a cluster.json that is %s stays as it is", async (_name, content, reason) => {
    const state = await mkdtemp(join(dir, "state-"));
    await writeFile(join(state, "cluster.json"), content);
    const { code, said } = await end(await scheduler(spicepod(`    state_location: file://${state}/`)));
    expect(code).toBe(1);
    expect(said).toMatch(reason);
    expect(await readFile(join(state, "cluster.json"), "utf8")).toBe(content);
  });

  test("a second scheduler on a file:// state is refused, and the first one goes on", async () => {
    const state = join(dir, "shared-state");
    await mkdir(state);
    const text = spicepod(`    state_location: file://${state}/`);
    const first = await scheduler(text);
    await first.line((l) => l.message === "Scheduler started");
    const { code, said } = await end(await scheduler(text));
    expect(code).toBe(1);
    expect(said).toContain(
      `The state in file://${state}/ is in use by another scheduler: file:// serves one scheduler on one host; use an object store such as s3:// for several`,
    );
    expect((await fetch(`http://${await listening(first, "http")}/v1/ready`)).status).toBe(200);
  });

  test("a scheduler that is stopped while it starts leaves its id to others", async () => {
    const proxy = await FaultProxy.start(s3.endpoint);
    const store = openStore(`s3://${s3.bucket}/bad/`, s3.params);
    const members = async () => {
      const { body } = (await store.get("cluster.json"))!;
      return Object.keys((JSON.parse(Buffer.from(body).toString()) as { schedulers: object }).schedulers);
    };
    try {
      // The last step of joining; it is a member before.
      const beats = ({ method, path }: ProxiedRequest) => method === "PUT" && path.includes("/heartbeats/");
      proxy.inject({ fault: { kind: "delay", ms: 60_000 }, matches: beats });
      const starting = await scheduler(spicepod(s3Params(proxy.url)));
      await eventually(() => proxy.seen.find(beats));
      expect(await members()).toHaveLength(1);
      expect(await starting.stop()).toBe(0);
      expect(await members()).toEqual([]);
    } finally {
      await store.close();
      await proxy.stop();
    }
  });

  test("an executor without a scheduler keeps asking, and stops when told", async () => {
    const executor = spiced([
      "--role=executor",
      "--scheduler-address=http://127.0.0.1:9",
      "--http=127.0.0.1:0",
      "--node-bind-address=127.0.0.1:0",
      `--data-dir=${join(dir, "lonely")}`,
      insecure,
    ]);
    await executor.line((l) => /No spicepod from the scheduler yet/.test(l.message ?? ""));
    const url = `http://${await listening(executor, "http")}`;
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect((await fetch(`${url}/v1/ready`)).status).toBe(503);
    expect(await executor.stop()).toBe(0);
  });
});

describe("a running cluster whose spicepod or state goes bad", () => {
  let dir: string;
  let cluster: TestCluster;
  let good: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "spice-data-"));
    await writeFile(join(dir, "t.csv"), "id,name\n1,a\n2,b\n3,c\n");
    good = spicepod(
      '    state_location: "STATE"',
      `
datasets:
  - from: file:${join(dir, "t.csv")}
    name: t
    acceleration: { engine: duckdb, mode: file, partition_by: ["bucket(2, id)"] }
`,
    );
    cluster = await TestCluster.start({ executors: 1, spicepod: good });
    await cluster.ready();
  });

  afterAll(async () => {
    await cluster?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  test("a mistake in a changed spicepod leaves the old one in force, and shows", async () => {
    await cluster.writeSpicepod(good.replace("engine: duckdb", "engine: duckbd"));
    const line = await cluster.schedulers[0]!.line((l) =>
      /The changed spicepod is not in force/.test(l.message ?? ""),
    );
    expect(String(line["cause"])).toContain("duckbd");
    expect(await cluster.sql("SELECT sum(id) AS s FROM t")).toEqual([{ s: 6 }]);
    await cluster.writeSpicepod(good);
  });

  test("other partition expressions over existing files are refused, and reverting them mends it", async () => {
    const changed = good.replace("bucket(2, id)", "bucket(5, id)");
    await cluster.writeSpicepod(changed);
    const text =
      "The 'partition_by' expressions are different from the expressions used to create the existing partition files. Revert the 'partition_by' expressions, delete the partition files, or change the location the partition files are stored to create new partitions.";
    await cluster.schedulers[0]!.line((l) => JSON.stringify(l).includes(text));
    // The old spicepod stays in force: nothing is lost, and queries go on.
    expect(await cluster.sql("SELECT sum(id) AS s FROM t")).toEqual([{ s: 6 }]);
    await cluster.writeSpicepod(good);
    await eventually(async () => {
      expect(await cluster.sql("SELECT sum(id) AS s FROM t")).toEqual([{ s: 6 }]);
      return true;
    });
  });

  test("a cluster.json that vanishes is an error, is not made anew, and queries go on", async () => {
    const file = join(cluster.dir, "state", "cluster.json");
    const content = await readFile(file);
    await rm(file);
    await eventually(
      () =>
        cluster.schedulers[0]!.lines.find((l) => /Cluster document is missing at/.test(JSON.stringify(l))),
      45_000,
    );
    await expect(readFile(file)).rejects.toThrow("ENOENT");
    expect(await cluster.sql("SELECT count(*) AS n FROM t")).toEqual([{ n: 3 }]);
    await writeFile(file, content);
  });
});
