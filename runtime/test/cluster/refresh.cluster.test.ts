import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openDatabase } from "../../src/adapters/duckdb/database.ts";
import type { Database } from "../../src/ports/database.ts";
import { comparable, expectExactAnswers } from "../support/answers.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { eventsSql } from "../support/tables.ts";

interface DatasetRow {
  readonly name: string;
  readonly status: string;
  readonly error_message?: string;
}

describe("refreshes", () => {
  let dir: string;
  let truth: Database;
  let cluster: TestCluster;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "spice-data-"));
    truth = await openDatabase({ threads: 1 });
    await truth.run(`CREATE TABLE events AS ${eventsSql(5_000)}`);
    await write("events.parquet", "events");
    await write("log/0.parquet", "events WHERE id < 1000");
    await write("appended.parquet", "events WHERE id < 2000");
    await write("bad.parquet", "events");
    const source = (name: string, file: string, more: string) => `  - from: file:${join(dir, file)}
    name: ${name}
    ${more}
`;
    cluster = await TestCluster.start({
      executors: 2,
      spicepod: `version: v1
kind: Spicepod
name: refresh
runtime:
  scheduler:
    state_location: "STATE"
    partition_assignment_interval: 2s
datasets:
${source("events", "events.parquet", 'acceleration: { engine: duckdb, mode: file, partition_by: ["bucket(4, id)"] }')}
${source(
  "appended",
  "appended.parquet",
  `time_column: created_at
    acceleration: { engine: arrow, refresh_mode: append, refresh_check_interval: 1s, partition_by: ["bucket(3, customer_id)"] }`,
)}
${source("late", "late.parquet", "acceleration: { engine: arrow, partition_by: [region] }")}
${source(
  "bad",
  "bad.parquet",
  `acceleration: { engine: arrow, partition_by: ["bucket(3, no_such_column)"] }`,
)}
${source("failing", "log/", 'params: { file_format: parquet }\n    acceleration: { engine: arrow, refresh_check_interval: 1s, partition_by: ["bucket(2, id)"] }')}
`,
    });
  });

  afterAll(async () => {
    await cluster?.stop();
    await truth?.close();
    await rm(dir, { recursive: true, force: true });
  });

  async function write(file: string, what: string): Promise<void> {
    const target = join(dir, file);
    const { mkdir } = await import("node:fs/promises");
    await mkdir(join(target, ".."), { recursive: true });
    await truth.run(`COPY (SELECT * FROM ${what}) TO '${target}.new' (FORMAT parquet)`);
    await rename(`${target}.new`, target);
  }

  const dataset = async (name: string) =>
    (await cluster.get<DatasetRow[]>("/v1/datasets?status=true")).find((d) => d.name === name)!;
  const count = async (name: string) => (await cluster.sql(`SELECT count(*) AS n FROM ${name}`))[0]?.["n"];
  const post = async (path: string, body?: string, method = "POST") => {
    const response = await fetch(`${await cluster.http()}${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, text: await response.text() };
  };
  const loaded = (name: string, rows: number) =>
    eventually(async () => ((await count(name)) === rows ? true : undefined));

  test("POST refresh reads the source again: 201, and the new rows are there", async () => {
    await loaded("events", 5_000);
    await expectExactAnswers(cluster, truth);
    await truth.run(`INSERT INTO events SELECT * REPLACE (id + 5000 AS id) FROM (${eventsSql(500)})`);
    await write("events.parquet", "events");
    expect(await post("/v1/datasets/events/acceleration/refresh")).toEqual({
      status: 201,
      text: '{"message":"Dataset refresh triggered for events."}',
    });
    await loaded("events", 5_500);
    await expectExactAnswers(cluster, truth);
  });

  test("PATCH of refresh_sql narrows what the next refresh reads, null widens it again", async () => {
    const path = "/v1/datasets/events/acceleration";
    expect((await post(path, '{"refresh_sql": "SELECT * FROM events WHERE id < 100"}', "PATCH")).status).toBe(
      200,
    );
    expect((await post(`${path}/refresh`)).status).toBe(201);
    await loaded("events", 100);
    expect((await post(path, '{"refresh_sql": null}', "PATCH")).status).toBe(200);
    expect((await post(`${path}/refresh`)).status).toBe(201);
    await loaded("events", 5_500);
  });

  test("refuses what it cannot refresh", async () => {
    expect(await post("/v1/datasets/nothing/acceleration/refresh")).toMatchObject({
      status: 404,
      text: expect.stringContaining("Dataset nothing not found"),
    });
    for (const [body, reason] of [
      ['{"refresh_mod": "full"}', 'Unknown field \\"refresh_mod\\". Did you mean \\"refresh_mode\\"?'],
      ['{"refresh_mode": "all"}', "must be"],
      ["{", "JSON"],
    ] as const) {
      const answer = await post("/v1/datasets/events/acceleration/refresh", body);
      expect([body, answer.status]).toEqual([body, 400]);
      expect(answer.text.replaceAll('"', '\\"').replaceAll('\\\\"', '\\"')).toContain(reason);
    }
    expect(await count("events")).toBe(5_500);
  });

  test("an append dataset picks up new rows by itself, and keeps the old ones", async () => {
    await loaded("appended", 2_000);
    await write("appended.parquet", "events WHERE id < 3500");
    await loaded("appended", 3_500);
    // The source forgets what was there; an append does not.
    await write("appended.parquet", "events WHERE id BETWEEN 3000 AND 4199");
    await loaded("appended", 4_200);
    const sql = (table: string) =>
      `SELECT count(*) AS n, sum(id) AS s, count(DISTINCT id) AS d FROM ${table}`;
    expect(comparable(await cluster.sql(sql("appended")))).toEqual(
      comparable(await truth.rows(sql("(SELECT * FROM events WHERE id < 4200)"))),
    );
  });

  test("a source that is missing at start is an error of that dataset alone, and is taken when it comes", async () => {
    const before = await eventually(async () => {
      const row = await dataset("late");
      return row.error_message === undefined ? undefined : row;
    });
    expect(before.status).toBe("Error");
    expect(before.error_message).toContain("late.parquet");
    await write("late.parquet", "events WHERE id < 777");
    await loaded("late", 777);
    await eventually(async () => ((await dataset("late")).status === "Ready" ? true : undefined));
    expect((await dataset("late")).error_message).toBeUndefined();
  });

  test("a column that partition_by names and the source lacks is a clear error", async () => {
    const row = await eventually(async () => {
      const found = await dataset("bad");
      return found.error_message === undefined ? undefined : found;
    });
    expect(row.status).toBe("Error");
    expect(row.error_message).toContain("no_such_column");
    await expect(cluster.sql("SELECT count(*) FROM bad")).rejects.toThrow(
      /HTTP 503: Dataset bad cannot be queried yet: .*no_such_column/,
    );
  });

  test("a source that fails later leaves the old data in service and says what is wrong", async () => {
    await loaded("failing", 1_000);
    await writeFile(join(dir, "log", "1.parquet"), "this is not a Parquet file");
    const row = await eventually(async () => {
      const found = await dataset("failing");
      return found.error_message === undefined ? undefined : found;
    });
    expect(row.status).toBe("Error");
    expect(row.error_message).toMatch(/1\.parquet|Parquet/i);
    expect(await count("failing")).toBe(1_000);
    await rm(join(dir, "log", "1.parquet"));
    await write("log/2.parquet", "events WHERE id BETWEEN 1000 AND 1099");
    await loaded("failing", 1_100);
    await eventually(async () => ((await dataset("failing")).status === "Ready" ? true : undefined));
  });
});
