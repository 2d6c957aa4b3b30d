import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Database } from "../../src/ports/database.ts";
import { expectExactAnswers } from "../support/answers.ts";
import { eventually, type TestCluster } from "../support/cluster.ts";
import { type EventsCluster, startEventsCluster } from "../support/events-cluster.ts";
import { type S3TestServer, startS3Server } from "../support/s3-server.ts";

describe("two schedulers with their state in S3", () => {
  let bed: EventsCluster | undefined;
  let truth: Database;
  let s3: S3TestServer;
  let cluster: TestCluster;

  beforeAll(async () => {
    s3 = await startS3Server();
    bed = await startEventsCluster({
      executors: 2,
      schedulers: 2,
      rows: 20_000,
      state: { s3, prefix: "state" },
      acceleration: ["engine: duckdb", "mode: file", 'partition_by: ["bucket(6, customer_id)"]'],
    });
    ({ cluster, truth } = bed);
  });

  afterAll(async () => {
    await bed?.stop();
    await s3?.stop();
  });

  interface ClusterView {
    readonly schedulers: readonly { readonly id: string }[];
    readonly revision: number;
    readonly executors: readonly { readonly id: string; readonly partitions: number }[];
  }
  const view = (scheduler: number) => cluster.get<ClusterView>("/v1/cluster", scheduler);

  test("both answer, at the same time", async () => {
    await Promise.all(
      [0, 1].map((i) => expectExactAnswers({ sql: (statement) => cluster.sql(statement, i) }, truth)),
    );
  });

  test("both see each other, the executors and one assignment", async () => {
    const [a, b] = await eventually(async () => {
      const views = await Promise.all([view(0), view(1)]);
      return views[0].revision === views[1].revision ? views : undefined;
    }, 40_000);
    expect(a.schedulers.map((s) => s.id).sort()).toEqual(b.schedulers.map((s) => s.id).sort());
    expect(a.schedulers).toHaveLength(2);
    expect(a.executors.map((e) => e.partitions).sort()).toEqual([3, 4]);
    expect(b.executors.map(({ id, partitions }) => ({ id, partitions }))).toEqual(
      a.executors.map(({ id, partitions }) => ({ id, partitions })),
    );
  });

  test("one goes on when the other is killed, and an executor that starts meanwhile joins it", async () => {
    cluster.schedulers[0]!.kill("SIGKILL");
    await cluster.schedulers[0]!.exited;
    const one = { sql: (statement: string) => cluster.sql(statement, 1) };
    await expectExactAnswers(one, truth);
    cluster.executors[0]!.kill("SIGKILL");
    await cluster.executors[0]!.exited;
    await cluster.startExecutor(0);
    await cluster.ready(60_000, 1);
    await expectExactAnswers(one, truth);
  });

  test("no secret reaches a log", () => {
    for (const process of [...cluster.schedulers, ...cluster.executors]) {
      expect(process.raw.filter((line) => line.includes(s3.secretKey))).toEqual([]);
    }
  });
});
