import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Database } from "../../src/ports/database.ts";
import { TestCluster } from "../support/cluster.ts";
import { eventsTable } from "../support/tables.ts";

const rows = 20_000;

describe.each(["engine: arrow", "engine: duckdb\n      mode: file"])("restarts with %s", (acceleration) => {
  let dir: string;
  let truth: Database;
  let cluster: TestCluster;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "spice-data-"));
    truth = await eventsTable(join(dir, "events.parquet"), rows);
    cluster = await TestCluster.start({
      executors: 2,
      spicepod: `version: v1
kind: Spicepod
name: restart
runtime:
  scheduler:
    state_location: "STATE"
datasets:
  - from: file:${join(dir, "events.parquet")}
    name: events
    acceleration:
      ${acceleration}
      partition_by: ["bucket(4, id)"]
`,
    });
    await cluster.ready();
  });

  afterAll(async () => {
    await cluster?.stop();
    await truth?.close();
    await rm(dir, { recursive: true, force: true });
  });

  const document = async () =>
    JSON.parse(await readFile(join(cluster.dir, "state", "cluster.json"), "utf8")) as {
      revision: number;
      executors: Record<string, { instance_id: string }>;
      accelerations: Record<string, { partitions: { assigned_executors: string[] }[] }>;
    };
  const owners = (d: Awaited<ReturnType<typeof document>>) =>
    Object.values(d.accelerations)[0]!.partitions.map((p) => p.assigned_executors[0]);

  test("an executor that was killed comes back under its id and serves its partitions again", async () => {
    const before = await document();
    cluster.executors[0]!.kill("SIGKILL");
    await cluster.executors[0]!.exited;
    await expect(cluster.sql("SELECT count(*) AS n FROM events")).rejects.toThrow("HTTP 503");
    await cluster.startExecutor(0);
    await cluster.ready();
    await answers(cluster, rows);
    const after = await document();
    expect(after.revision).toBeGreaterThanOrEqual(before.revision);
    expect(owners(after)).toEqual(owners(before));
  });

  test("a scheduler that was killed finds the assignment in the store", async () => {
    const before = await document();
    const scheduler = cluster.schedulers.pop()!;
    const address = String((await scheduler.line((l) => l["server"] === "cluster"))["address"]);
    scheduler.kill("SIGKILL");
    await scheduler.exited;
    await cluster.startScheduler([`--node-bind-address=${address}`]);
    await cluster.ready(90_000);
    await answers(cluster, rows);
    const after = await document();
    expect(owners(after)).toEqual(owners(before));
    expect(after.revision).toBeGreaterThan(before.revision);
  });
});

/** A cluster may refuse while it settles, but an answer is always the whole truth. */
async function answers(cluster: TestCluster, expected: number): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const [row] = await cluster.sql("SELECT count(*) AS n, count(DISTINCT id) AS d FROM events");
    expect(row).toEqual({ n: expected, d: expected });
    await delay(20);
  }
}
