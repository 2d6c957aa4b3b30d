import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openDatabase } from "../../src/adapters/duckdb/database.ts";
import type { Database } from "../../src/ports/database.ts";
import { comparable } from "../support/answers.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";

/** The same rows for PostgreSQL and for DuckDB. */
const rows = (from: number, to: number) => `
  SELECT i AS id, CASE WHEN i % 13 = 0 THEN NULL ELSE i * 7919 % 101 - 50 END AS customer_id,
         CASE i % 3 WHEN 0 THEN 'EU' WHEN 1 THEN 'US' END AS region,
         (i * 31 % 1007)::NUMERIC(12, 2) AS amount,
         TIMESTAMP '2024-01-01 00:00:00' + i * INTERVAL '1 minute' AS created_at
  FROM generate_series(${from}, ${to}) AS t(i)`;

const statements = (table: string) => [
  `SELECT count(*) AS n, sum(id) AS s, count(DISTINCT customer_id) AS d FROM ${table}`,
  `SELECT region, count(*) AS n, sum(amount) AS a, max(created_at) AS hi FROM ${table} GROUP BY region ORDER BY region NULLS LAST`,
  `SELECT id, customer_id, amount FROM ${table} WHERE customer_id = 7 ORDER BY id LIMIT 5`,
  `SELECT id FROM ${table} WHERE customer_id IS NULL ORDER BY id DESC LIMIT 3`,
];

describe("datasets from a PostgreSQL server", () => {
  let postgres: PostgresServer;
  let truth: Database;
  let cluster: TestCluster;

  beforeAll(async () => {
    postgres = await startPostgres();
    postgres.sql(`CREATE TABLE orders AS ${rows(1, 5_000)}`);
    postgres.sql(`CREATE TABLE log AS ${rows(1, 1_000)}`);
    truth = await openDatabase({ threads: 1 });
    await truth.run(`CREATE TABLE orders AS ${rows(1, 5_000)}`);
    // The source is down while the cluster starts.
    await postgres.kill();
    const params = Object.entries(postgres.parameters)
      .map(([name, value]) => `${name}: "${value}"`)
      .join(", ");
    cluster = await TestCluster.start({
      executors: 2,
      spicepod: `version: v1
kind: Spicepod
name: postgres
runtime:
  scheduler:
    state_location: "STATE"
    partition_assignment_interval: 1s
datasets:
  - from: postgres:orders
    name: orders
    params: { ${params} }
    acceleration:
      engine: duckdb
      mode: file
      refresh_check_interval: 1s
      partition_by: ["bucket(4, customer_id)"]
  - from: postgres:log
    name: log
    time_column: created_at
    params: { ${params} }
    acceleration:
      engine: arrow
      refresh_mode: append
      refresh_check_interval: 1s
      partition_by: [region]
`,
    });
  });

  afterAll(async () => {
    await cluster?.stop();
    await truth?.close();
    await postgres?.stop();
  });

  const dataset = async (name: string) =>
    (
      await cluster.get<{ name: string; status: string; error_message?: string }[]>(
        "/v1/datasets?status=true",
      )
    ).find((d) => d.name === name)!;
  const exact = async (table: string) => {
    for (const statement of statements(table)) {
      const answer = comparable(await cluster.sql(statement));
      expect({ statement, answer }).toEqual({ statement, answer: comparable(await truth.rows(statement)) });
    }
  };

  test("a server that is down at the start is said to be, and the data comes when it is back", async () => {
    const row = await eventually(async () => {
      const found = await dataset("log");
      return found.error_message === undefined ? undefined : found;
    });
    expect(row.status).toBe("Error");
    expect(row.error_message).toMatch(/connect|refused|postgres/i);
    await postgres.start();
    await cluster.ready(60_000);
    await exact("orders");
  });

  test("an append takes what is newer, with a new partition value", async () => {
    await truth.run(`CREATE TABLE log AS ${rows(1, 1_000)}`);
    await exact("log");
    const more = rows(1_001, 1_500);
    postgres.sql(`INSERT INTO log ${more}`);
    await truth.run(`INSERT INTO log ${more}`);
    await eventually(() => exact("log").then(() => true));
  });

  test("a server that goes away leaves the old data in service, shows, and is used again", async () => {
    await postgres.kill();
    const row = await eventually(async () => {
      const found = await dataset("orders");
      return found.error_message === undefined ? undefined : found;
    });
    expect(row.status).toBe("Error");
    await exact("orders");
    await exact("log");
    await postgres.start();
    postgres.sql(
      "UPDATE orders SET amount = amount + 1 WHERE id % 5 = 0; DELETE FROM orders WHERE id > 4900",
    );
    await truth.run("UPDATE orders SET amount = amount + 1 WHERE id % 5 = 0");
    await truth.run("DELETE FROM orders WHERE id > 4900");
    await eventually(() => exact("orders").then(() => true), 40_000);
    await eventually(async () => ((await dataset("orders")).status !== "Error" ? true : undefined));
  });
});
