import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Database } from "../../src/ports/database.ts";
import { expectExactAnswers } from "../support/answers.ts";
import { eventually, type TestCluster } from "../support/cluster.ts";
import { type EventsCluster, startEventsCluster } from "../support/events-cluster.ts";

describe.each([[["engine: arrow"]], [["engine: duckdb", "mode: file"]]])(
  "restarts with %j",
  (acceleration) => {
    let bed: EventsCluster | undefined;
    let truth: Database;
    let cluster: TestCluster;

    beforeAll(async () => {
      bed = await startEventsCluster({
        executors: 2,
        rows: 20_000,
        acceleration: [...acceleration, 'partition_by: ["bucket(4, id)"]'],
      });
      ({ cluster, truth } = bed);
    });

    afterAll(() => bed?.stop());

    const document = async () =>
      JSON.parse(await readFile(join(cluster.dir, "state", "cluster.json"), "utf8")) as {
        revision: number;
        executors: Record<string, { instance_id: string }>;
        schedulers: Record<string, { instance_id: string }>;
        accelerations: Record<string, { partitions: { assigned_executors: string[] }[] }>;
      };
    const owners = (d: Awaited<ReturnType<typeof document>>) =>
      Object.values(d.accelerations)[0]!.partitions.map((p) => p.assigned_executors[0]);

    test("an executor that was killed comes back under its id and serves its partitions again", async () => {
      const before = await document();
      cluster.executors[0]!.kill("SIGKILL");
      await cluster.executors[0]!.exited;
      const asked = cluster.sql("SELECT count(*) AS n FROM events");
      await cluster.startExecutor(0);
      await cluster.ready();
      // It has waited for its partitions.
      expect(await asked).toEqual([{ n: 20_000 }]);
      await expectExactAnswers(cluster, truth);
      const after = await document();
      expect(after.revision).toBeGreaterThan(before.revision);
      expect(owners(after)).toEqual(owners(before));
      expect(Object.keys(after.executors)).toEqual(Object.keys(before.executors));
    });

    test("an executor that was stopped comes back and serves", async () => {
      expect(await cluster.executors[1]!.stop()).toBe(0);
      await eventually(async () => {
        const executors = (await cluster.get<{ executors: { state: string }[] }>("/v1/cluster")).executors;
        return executors.some((e) => e.state === "silent") ? true : undefined;
      });
      await cluster.startExecutor(1);
      await cluster.ready(30_000);
      await expectExactAnswers(cluster, truth);
    });

    // Taking an id over needs TTL + 5 s, whatever the engine: once is enough.
    if (acceleration.includes("engine: arrow")) return;

    test("a scheduler that was killed takes its id over and finds the assignment in the store", async () => {
      const before = await document();
      cluster.schedulers[0]!.kill("SIGKILL");
      await cluster.schedulers[0]!.exited;
      const killed = Date.now();
      const scheduler = await cluster.startScheduler();
      await scheduler.line((l) => /is held by another instance: waiting/.test(l.message ?? ""));
      await cluster.ready(60_000);
      // Not before the dead one's beats had time to move, and not much later.
      expect(Date.now() - killed).toBeGreaterThan(30_000);
      await expectExactAnswers(cluster, truth);
      const after = await document();
      expect(owners(after)).toEqual(owners(before));
      expect(after.revision).toBeGreaterThan(before.revision);
      expect(Object.keys(after.schedulers)).toEqual(Object.keys(before.schedulers));
    });

    test("a scheduler that was stopped comes back at once", async () => {
      expect(await cluster.schedulers[0]!.stop()).toBe(0);
      expect((await document()).schedulers).toEqual({});
      await cluster.startScheduler();
      await cluster.ready(15_000);
      await expectExactAnswers(cluster, truth);
    });
  },
);
