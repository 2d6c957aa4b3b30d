import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Database } from "../../src/ports/database.ts";
import { comparable, statements } from "../support/answers.ts";
import type { TestCluster } from "../support/cluster.ts";
import { type EventsCluster, startEventsCluster } from "../support/events-cluster.ts";

const engines = [
  { name: "arrow", acceleration: ["engine: arrow"] },
  { name: "duckdb files", acceleration: ["engine: duckdb", "mode: file"] },
  {
    name: "duckdb tables",
    acceleration: ["engine: duckdb", "mode: file", "params: { partition_mode: tables }"],
  },
];

describe.each(engines)("a cluster of three executors with $name", ({ acceleration }) => {
  let bed: EventsCluster | undefined;
  let truth: Database;
  let cluster: TestCluster;

  beforeAll(async () => {
    bed = await startEventsCluster({
      executors: 3,
      rows: 50_000,
      dataset: ["time_column: created_at"],
      acceleration: [...acceleration, 'partition_by: ["bucket(8, customer_id)"]'],
    });
    ({ cluster, truth } = bed);
  });

  afterAll(() => bed?.stop());

  test.each(statements)("%s", async (statement) => {
    const expected = await truth.rows(statement);
    expect(comparable(await cluster.sql(statement))).toEqual(comparable(expected));
  });

  test("spreads the partitions over all executors, with one for NULL keys", async () => {
    const partitions = await cluster.get<{ value: Record<string, string | null>; owner: string }[]>(
      "/v1/datasets/events/partitions",
    );
    expect(partitions).toHaveLength(9);
    expect(partitions.filter((p) => Object.values(p.value)[0] === null)).toHaveLength(1);
    const owners = new Map<string, number>();
    for (const { owner } of partitions) owners.set(owner, (owners.get(owner) ?? 0) + 1);
    expect([...owners.values()]).toEqual([3, 3, 3]);
  });

  test("refuses what is not a read", async () => {
    for (const statement of [
      "DROP TABLE events",
      "SELECT * FROM read_csv('/etc/passwd')",
      "ATTACH '/tmp/x'",
    ]) {
      const response = await fetch(`${await cluster.http()}/v1/sql`, { method: "POST", body: statement });
      expect([statement, response.status]).toEqual([statement, 400]);
    }
  });
});
