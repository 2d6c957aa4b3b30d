import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Database } from "../../src/ports/database.ts";
import { TestCluster } from "../support/cluster.ts";
import { eventsTable } from "../support/tables.ts";

/** Statements with an order, so that answers compare row by row. */
const statements = [
  "SELECT count(*) AS n FROM events",
  "SELECT count(*) AS n, min(id) AS lo, max(id) AS hi, sum(customer_id) AS s FROM events",
  "SELECT region, count(*) AS n, sum(amount) AS s, avg(amount) AS a FROM events GROUP BY region ORDER BY region NULLS FIRST",
  "SELECT customer_id, count(*) AS n FROM events GROUP BY 1 ORDER BY n DESC, customer_id NULLS LAST LIMIT 7",
  "SELECT * FROM events WHERE customer_id = 42 ORDER BY id LIMIT 5",
  "SELECT id FROM events WHERE customer_id IS NULL ORDER BY id LIMIT 5 OFFSET 3",
  "SELECT id, score FROM events ORDER BY score DESC, id LIMIT 4",
  "SELECT count(DISTINCT customer_id) AS d, count(DISTINCT region) AS r FROM events",
  "SELECT date_trunc('month', created_at) AS m, stddev_pop(id) > 0 AS spread FROM events GROUP BY m ORDER BY m",
  "SELECT a.region, count(*) AS n FROM events a JOIN events b ON a.id = b.id + 1 WHERE b.flag GROUP BY 1 ORDER BY 1",
  "WITH t AS (SELECT region, max(id) AS hi FROM events GROUP BY region) SELECT e.id, e.region FROM events e JOIN t ON e.id = t.hi ORDER BY e.id",
  "SELECT id, row_number() OVER (PARTITION BY region ORDER BY id) AS rn FROM events WHERE id < 50 ORDER BY id",
  "SELECT region FROM events WHERE id < 100 UNION SELECT 'x' ORDER BY 1 NULLS FIRST",
  "SELECT id FROM events WHERE id IN (SELECT max(id) FROM events GROUP BY flag) ORDER BY id",
  "SELECT median(customer_id) AS m, string_agg(DISTINCT region, ',' ORDER BY region) AS s FROM events",
  "SELECT grouping(region) AS g, region, flag, count(*) AS n FROM events GROUP BY ROLLUP (region, flag) ORDER BY ALL",
];

const engines = [
  { name: "arrow", acceleration: "engine: arrow" },
  { name: "duckdb files", acceleration: "engine: duckdb\n      mode: file" },
  {
    name: "duckdb tables",
    acceleration: "engine: duckdb\n      mode: file\n      params: { partition_mode: tables }",
  },
];

describe.each(engines)("a cluster of three executors with $name", ({ acceleration }) => {
  let dir: string;
  let truth: Database;
  let cluster: TestCluster;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "spice-data-"));
    truth = await eventsTable(join(dir, "events.parquet"), 50_000);
    cluster = await TestCluster.start({
      executors: 3,
      spicepod: `version: v1
kind: Spicepod
name: answers
runtime:
  scheduler:
    state_location: "STATE"
datasets:
  - from: file:${join(dir, "events.parquet")}
    name: events
    time_column: created_at
    acceleration:
      ${acceleration}
      partition_by:
        - "bucket(8, customer_id)"
`,
    });
    await cluster.ready();
  });

  afterAll(async () => {
    await cluster?.stop();
    await truth?.close();
    await rm(dir, { recursive: true, force: true });
  });

  test.each(statements)("%s", async (statement) => {
    const expected = await truth.rows(statement);
    expect(normal(await cluster.sql(statement))).toEqual(normal(expected));
  });

  test("spreads the partitions over all executors, with one for NULL keys", async () => {
    const response = await fetch(`${await cluster.http()}/v1/datasets/events/partitions`);
    const partitions = (await response.json()) as { value: Record<string, string | null>; owner: string }[];
    expect(partitions).toHaveLength(9);
    expect(partitions.filter((p) => Object.values(p.value)[0] === null)).toHaveLength(1);
    const owners = new Map<string, number>();
    for (const { owner } of partitions) owners.set(owner, (owners.get(owner) ?? 0) + 1);
    expect([...owners.values()]).toEqual([3, 3, 3]);
  });

  test("asks one executor and reads one partition for one key", async () => {
    const response = await fetch(`${await cluster.http()}/v1/sql`, {
      method: "POST",
      body: "SELECT count(*) AS n FROM events WHERE customer_id = 17",
    });
    expect(response.headers.get("x-spice-partitions-read")).toBe("1");
    expect(response.headers.get("x-spice-executors")?.split(",")).toHaveLength(1);
    expect(normal(await response.json())).toEqual(
      normal(await truth.rows("SELECT count(*) AS n FROM events WHERE customer_id = 17")),
    );
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

/** One form for what two encoders of the same value write: numbers as text, floats to 1e-9, instants alike. */
function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, normal(v)]));
  }
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toPrecision(9);
  if (typeof value !== "string") return value;
  if (/^-?\d+\.\d+$/.test(value)) return Number(value).toPrecision(9);
  const instant = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(?:\.0+)?Z?)?$/.exec(value);
  return instant === null ? value : `${instant[1]} ${instant[2] ?? "00:00:00"}`;
}
