import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
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
const notice = "--allow-insecure-connections disables authentication. Never use in production.";

describe("the two development commands as they stand, on the default ports", () => {
  let dir: string;
  let truth: Database;
  let network: NetworkNamespace;
  const nodes: TestProcess[] = [];

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "spice-dev-"));
    network = await openNamespace();
    truth = await eventsTable(join(dir, "events.parquet"), 20_000);
    await writeFile(
      join(dir, "spicepod.yaml"),
      `version: v1
kind: Spicepod
name: development
datasets:
  - from: file:${join(dir, "events.parquet")}
    name: events
    acceleration:
      engine: duckdb
      mode: file
      partition_by: ["bucket(4, customer_id)"]
`,
    );
  });

  afterAll(async () => {
    await Promise.all(nodes.map((p) => p.stop()));
    await network?.stop();
    await truth?.close();
    await rm(dir, { recursive: true, force: true });
  });

  const spiced = (name: string, commandLine: string) => {
    const process = spawnSpiced(name, commandLine.split(" "), { cwd: dir, wrapper: network.wrapper });
    nodes.push(process);
    return process;
  };
  const curl = async (path: string, ...args: string[]): Promise<string> => {
    const command = [...network.wrapper, "curl", "-sS", "--fail-with-body", `http://127.0.0.1:8090${path}`];
    const [program, ...rest] = [...command, ...args] as [string, ...string[]];
    return (await run(program, rest)).stdout;
  };
  const sql = async (statement: string) =>
    JSON.parse(await curl("/v1/sql", "--data-binary", statement)) as Record<string, unknown>[];
  const executorCommand =
    "--role executor --scheduler-address http://localhost:50052 --allow-insecure-connections";

  test("a scheduler and an executor make a cluster", async () => {
    const scheduler = spiced("scheduler", "--role scheduler --allow-insecure-connections");
    await scheduler.line((l) => l.message === notice);
    await scheduler.line((l) => l.message === "Scheduler started");
    const executor = spiced("executor", executorCommand);
    await executor.line((l) => l.message === notice);
    const port = await executor.line(
      (l) => l.message === "Port is taken: using a free one" && l["server"] === "cluster",
    );
    expect(port["wanted"]).toBe("0.0.0.0:50052");
    await eventually(() => curl("/v1/ready?min_ready_executors=1"));
    await expectExactAnswers({ sql }, truth);
  });

  test("a second executor on the same host takes free ports and another directory, and says so", async () => {
    const second = spiced("executor-2", executorCommand);
    const line = await second.line((l) => l.message === "Using data directory");
    expect(String(line["data_dir"])).toBe(join(dir, ".spice", "data-2"));
    await eventually(() => curl("/v1/ready?min_ready_executors=2"));
    await expectExactAnswers({ sql }, truth);
  });

  test("a second scheduler stops and names the port", async () => {
    const other = spiced("scheduler-2", "--role scheduler --allow-insecure-connections --data-dir other");
    expect(await other.exited).toBe(1);
    expect(other.tail()).toContain(
      "The cluster address 0.0.0.0:50052 is in use by another process: stop it, or give another address with --node-bind-address",
    );
  });
});
