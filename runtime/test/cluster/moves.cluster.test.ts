import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { BEAT_INTERVAL_MS } from "../../src/core/cluster/membership/beat-interval.ts";
import type { Database } from "../../src/ports/database.ts";
import { comparable, expectExactAnswers } from "../support/answers.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { askDrain, balanced, type ExecutorView, whileAsking } from "../support/moving-cluster.ts";
import { eventsTable } from "../support/tables.ts";

const lostAfterMs = 5_000;
/** Twelve buckets, and the one of NULL. */
const total = 13;
const question =
  "SELECT region, count(*) AS n, sum(id) AS s FROM events GROUP BY region ORDER BY region NULLS FIRST";

describe("moves", () => {
  let dir: string;
  let truth: Database;
  let cluster: TestCluster;
  let answer: unknown;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "spice-data-"));
    truth = await eventsTable(join(dir, "events.parquet"), 20_000);
    answer = comparable(await truth.rows(question));
    cluster = await TestCluster.start({
      executors: 3,
      spicepod: `version: v1
kind: Spicepod
name: moves
runtime:
  scheduler:
    state_location: "STATE"
    partition_assignment_interval: 5s
    executor_lost_after: ${lostAfterMs / 1000}s
datasets:
  - from: file:${join(dir, "events.parquet")}
    name: events
    acceleration:
      engine: arrow
      partition_by: ["bucket(12, id)"]
`,
    });
    await cluster.ready();
  });

  afterAll(async () => {
    await cluster?.stop();
    await truth?.close();
    await rm(dir, { recursive: true, force: true });
  });

  const executors = async () => (await cluster.get<{ executors: ExecutorView[] }>("/v1/cluster")).executors;
  const idOf = async (index: number) => {
    const line = await cluster.executors[index]!.line(
      (l) => l.message === "Listening" && l["server"] === "cluster",
    );
    return String(line["address"]);
  };
  const drain = (executor: string, undrain = false) => askDrain(cluster, executor, { undrain });
  /** The executors of `ids` own all partitions in equal parts, all of them loaded, and nothing is moving. */
  const settled = (ids: readonly string[], timeoutMs: number) =>
    eventually(async () => {
      const all = await executors();
      if (!balanced(all, ids, total)) throw new Error(JSON.stringify(all));
      return all;
    }, timeoutMs);

  const asking = (work: () => Promise<unknown>) =>
    whileAsking(cluster, { question, answer, schedulers: [0, 0], pauseMs: 20 }, work);

  test("a drained executor ends with nothing, and no query fails or is wrong meanwhile", async () => {
    const [first, second, third] = [await idOf(0), await idOf(1), await idOf(2)];
    await settled([first, second, third], 10_000);
    const asked = await asking(async () => {
      expect(JSON.parse((await drain(third)).text)).toMatchObject({ executor: third, already: false });
      expect(JSON.parse((await drain(third)).text)).toMatchObject({
        already: true,
        message: `Executor ${third} was already draining.`,
      });
      await settled([first, second], 30_000);
      await delay(300);
    });
    expect(asked.wrong).toBe(0);
    expect(asked.failed).toEqual([]);
    expect(asked.right).toBeGreaterThan(5);
    expect((await executors()).find((e) => e.id === third)).toMatchObject({
      state: "draining",
      drain: { state: "DRAINED", remaining: 0 },
    });
    await expectExactAnswers(cluster, truth);
  });

  test("after undrain the partitions are balanced again, with the least movement", async () => {
    const ids = [await idOf(0), await idOf(1), await idOf(2)];
    const owners = async () => {
      const text = await readFile(join(cluster.dir, "state", "cluster.json"), "utf8");
      const { accelerations } = JSON.parse(text) as {
        accelerations: Record<string, { partitions: { assigned_executors: string[] }[] }>;
      };
      return Object.values(accelerations)[0]!.partitions.map((p) => p.assigned_executors[0]);
    };
    const before = await owners();
    const asked = await asking(async () => {
      expect((await drain(ids[2]!, true)).status).toBe(200);
      await settled(ids, 30_000);
    });
    expect({ wrong: asked.wrong, failed: asked.failed }).toEqual({ wrong: 0, failed: [] });
    const after = await owners();
    expect(after.filter((owner, i) => owner !== before[i])).toHaveLength(4);
    await expectExactAnswers(cluster, truth);
  });

  test("says what is wrong with a drain", async () => {
    const unknown = await drain("nobody:1");
    expect(unknown.status).toBe(404);
    expect(unknown.text).toContain("Executor nobody:1 is not a member of this cluster. Its executors: ");
    expect(unknown.text).toContain(await idOf(0));
    expect((await drain("")).status).toBe(400);
    expect(JSON.parse((await drain(await idOf(0), true)).text)).toMatchObject({
      message: `Executor ${await idOf(0)} was not draining.`,
    });
  });

  test("a frozen executor loses its partitions and never answers from old ones when it returns", async () => {
    const ids = [await idOf(0), await idOf(1), await idOf(2)];
    const frozen = cluster.executors[2]!;
    const asked = await asking(async () => {
      frozen.kill("SIGSTOP");
      const stopped = Date.now();
      try {
        await settled(ids.slice(0, 2), 40_000);
        // Its last beat, from which its lease counts, was at most a beat's interval before.
        expect(Date.now() - stopped).toBeGreaterThan(1.2 * lostAfterMs - BEAT_INTERVAL_MS);
        await expectExactAnswers(cluster, truth);
      } finally {
        frozen.kill("SIGCONT");
      }
      await settled(ids, 40_000);
    });
    expect(asked.wrong).toBe(0);
    expect(frozen.alive).toBe(true);
    await expectExactAnswers(cluster, truth);
  });

  test("a killed executor's partitions are loaded elsewhere within the bound", async () => {
    const ids = [await idOf(0), await idOf(1)];
    const asked = await asking(async () => {
      cluster.executors[2]!.kill("SIGKILL");
      await settled(ids, 1.2 * lostAfterMs + 15_000);
    });
    expect(asked.wrong).toBe(0);
    await expectExactAnswers(cluster, truth);
  });

  test("an executor that joins gets its part", async () => {
    await cluster.startExecutor(2);
    const ids = [await idOf(0), await idOf(1), await idOf(2)];
    const asked = await asking(() => settled(ids, 40_000));
    expect({ wrong: asked.wrong, failed: asked.failed }).toEqual({ wrong: 0, failed: [] });
    await expectExactAnswers(cluster, truth);
  });

  test("an executor that is told to stop hands over first, and no query fails", async () => {
    const third = await idOf(2);
    await cluster.executors[2]!.stop();
    const empties = await cluster.startExecutor(2, { env: { SPICED_SHUTDOWN_DRAIN: "true" } });
    const [first, second] = [await idOf(0), await idOf(1)];
    await empties.line(({ message }) => message === "Joined a scheduler");
    await settled([first, second, third], 40_000);
    const asked = await asking(async () => {
      expect(await empties.stop(30_000)).toBe(0);
      await settled([first, second], 20_000);
      await delay(300);
    });
    expect({ wrong: asked.wrong, failed: asked.failed }).toEqual({ wrong: 0, failed: [] });
    expect(asked.right).toBeGreaterThan(5);
    await empties.line(({ message }) => message === "Others took over what this executor owned");
    await cluster.startExecutor(2);
    await settled([first, second, third], 40_000);
    await expectExactAnswers(cluster, truth);
  });

  test("the last executor cannot be drained: BLOCKED, and its partitions stay", async () => {
    const ids = [await idOf(0), await idOf(1), await idOf(2)];
    expect((await drain(ids[1]!)).status).toBe(200);
    expect((await drain(ids[2]!)).status).toBe(200);
    await settled([ids[0]!], 40_000);
    expect(JSON.parse((await drain(ids[0]!)).text)).toMatchObject({
      state: "BLOCKED",
      remaining: total,
      reason: "no other active executor is heard",
    });
    await expectExactAnswers(cluster, truth);
    for (const id of ids) expect((await drain(id, true)).status).toBe(200);
    await settled(ids, 40_000);
  });
});
