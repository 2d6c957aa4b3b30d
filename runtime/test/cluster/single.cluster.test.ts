import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Database } from "../../src/ports/database.ts";
import { expectExactAnswers } from "../support/answers.ts";
import { eventually, listening, spawnSpiced } from "../support/cluster.ts";
import type { TestProcess } from "../support/process.ts";
import { eventsTable } from "../support/tables.ts";

describe("a node without a role", () => {
  let dir: string;
  let truth: Database;
  const started: TestProcess[] = [];

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "spice-single-"));
    truth = await eventsTable(join(dir, "events.parquet"), 20_000);
    await writeFile(
      join(dir, "spicepod.yaml"),
      `version: v1
kind: Spicepod
name: single
datasets:
  - from: file:events.parquet
    name: events
    acceleration:
      engine: duckdb
      mode: file
  - from: file:${join(dir, "events.parquet")}
    name: in_memory
    acceleration:
      engine: arrow
`,
    );
  });

  afterEach(async () => {
    await Promise.all(started.splice(0).map((p) => p.stop()));
  });

  afterAll(async () => {
    await truth?.close();
    await rm(dir, { recursive: true, force: true });
  });

  const start = async () => {
    const process = spawnSpiced("single", ["--http=127.0.0.1:0"], { cwd: dir });
    started.push(process);
    const url = `http://${await listening(process, "http")}`;
    const sql = async (statement: string) => {
      const response = await fetch(`${url}/v1/sql`, { method: "POST", body: statement });
      const text = await response.text();
      if (response.status !== 200) throw new Error(`HTTP ${response.status}: ${text}`);
      return JSON.parse(text) as Record<string, unknown>[];
    };
    await eventually(async () => ((await fetch(`${url}/v1/ready`)).status === 200 ? true : undefined));
    return { process, url, sql };
  };

  test("plans and holds the data itself, without certificates, partitions or an internal port", async () => {
    const node = await start();
    await expectExactAnswers(node, truth);
    expect(await node.sql("SELECT count(*) AS n FROM in_memory")).toEqual([{ n: 20_000 }]);
    expect(node.process.lines.some((l) => l["server"] === "cluster")).toBe(false);
    const { executors } = (await (await fetch(`${node.url}/v1/cluster`)).json()) as {
      executors: { partitions: number }[];
    };
    expect(executors.map((e) => e.partitions)).toEqual([2]);
  });

  test("after SIGKILL serves the file acceleration from its files at once, and leaves nothing behind", async () => {
    const first = await start();
    first.process.kill("SIGKILL");
    await first.process.exited;
    const again = await start();
    await expectExactAnswers(again, truth);
    // Only the table in memory was read from its source again.
    const loads = again.process.lines.filter((l) => l.message === "Loaded partitions");
    expect(new Map(loads.map((l) => [l["dataset"], l["rows"]]))).toEqual(
      new Map([
        ["events", 0],
        ["in_memory", 20_000],
      ]),
    );
    expect(await again.process.stop()).toBe(0);
    const data = join(dir, ".spice", "data");
    expect(await readdir(join(data, "tmp"))).toEqual([]);
    expect(existsSync(join(data, "events.duckdb"))).toBe(true);
  });

  test("a second one on the same host takes another directory and a free port", async () => {
    const [first, second] = [await start(), await start()];
    expect(String((await second.process.line((l) => l.message === "Using data directory"))["data_dir"])).toBe(
      join(dir, ".spice", "data-2"),
    );
    await expectExactAnswers(first, truth);
    await expectExactAnswers(second, truth);
  });
});
