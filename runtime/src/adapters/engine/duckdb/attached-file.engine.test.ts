import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { AcceleratedDataset } from "../../../ports/accelerator.ts";
import type { Database } from "../../../ports/database.ts";
import { openDatabase } from "../../duckdb/database.ts";
import { AttachedFile } from "./attached-file.ts";
import { TablesFile } from "./tables-space.ts";

let root: string;
let real: Database;
let warned: string[];
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "attached-file-"));
  real = await openDatabase({ threads: 1, memoryLimit: "64MB" });
  warned = [];
});
afterEach(async () => {
  await real.close();
  rmSync(root, { recursive: true, force: true });
});

/** The database, whose `run` is another. */
function withRun(run: Database["run"]): Database {
  return {
    acquire: () => real.acquire(),
    withConnection: (use) => real.withConnection(use),
    run,
    rows: (sql, options) => real.rows(sql, options),
    describe: (sql, options) => real.describe(sql, options),
    close: () => real.close(),
  };
}

/** The database, with `failed` told of statements that begin with `start` and fail, before their caller is. */
function after(start: string, failed: (message: string) => Promise<unknown>): Database {
  return withRun((sql, options) =>
    real.run(sql, options).catch(async (error: Error) => {
      if (sql.startsWith(start)) await failed(error.message);
      throw error;
    }),
  );
}

const file = (database: Database, name = "events") =>
  new AttachedFile(database, { path: join(root, "data.duckdb"), name }, (message) => warned.push(message));

test("a file that a running statement holds from before its detaching is attached again when that ends", async () => {
  const former = file(real);
  await former.attach();
  await real.run(`CREATE TABLE ${former.relation("t")} AS SELECT 7 AS x`);
  const reader = await real.acquire();
  await reader.run("BEGIN TRANSACTION");
  await reader.rows(`SELECT * FROM ${former.relation("t")}`);
  await former.detach();
  const refused: string[] = [];
  const next = file(
    after("ATTACH", async (message) => {
      refused.push(message);
      await reader.run("COMMIT");
    }),
  );
  await next.attach();
  reader.release();
  expect(refused).toEqual([expect.stringContaining('already attached by database "events"')]);
  expect(await real.rows(`SELECT x FROM ${next.relation("t")}`)).toEqual([{ x: 7 }]);
  await next.detach();
});

test("a file that is attached under another name is refused at once", async () => {
  const one = file(real);
  await one.attach();
  let attempts = 0;
  const other = file(
    after("ATTACH", async () => {
      attempts += 1;
    }),
    "orders",
  );
  await expect(other.attach()).rejects.toThrow('already attached by database "events"');
  expect(attempts).toBe(1);
  await one.detach();
  await other.attach();
  await other.detach();
});

test("checkpoints, detaching and attaching at once follow each other", async () => {
  const one = file(real);
  for (let round = 0; round < 10; round += 1) {
    await one.attach();
    await real.run(`CREATE OR REPLACE TABLE ${one.relation("t")} AS SELECT ${round} AS x`);
    await Promise.all([one.checkpoint(), one.settle(), one.detach(), one.settle(), one.attach()]);
    expect(await real.rows(`SELECT x FROM ${one.relation("t")}`)).toEqual([{ x: round }]);
  }
  await Promise.all([one.detach(), one.detach()]);
  expect(one.attached).toBe(false);
  expect(warned).toEqual([]);
});

test("a checkpoint that a short write is in the way of comes after it", async () => {
  const writer = await real.acquire();
  const refused: string[] = [];
  const one = file(
    after("CHECKPOINT", async (message) => {
      refused.push(message);
      await writer.run("COMMIT");
    }),
  );
  await one.attach();
  await real.run(`CREATE TABLE ${one.relation("t")} AS SELECT 7 AS x`);
  await writer.run("BEGIN TRANSACTION");
  await writer.run(`DROP TABLE ${one.relation("t")}`);
  await one.checkpoint();
  writer.release();
  expect(refused).toEqual([expect.stringContaining("Cannot CHECKPOINT")]);
  await one.detach();
});

test("what no version uses is swept, or stays when tables cannot be listed", async () => {
  const one = file(real);
  await one.attach();
  const tables = async () =>
    (await real.rows("SELECT table_name AS name FROM duckdb_tables()")).map((t) => t["name"]);
  for (const name of ["kept", "left"]) await real.run(`CREATE TABLE ${one.relation(name)} AS SELECT 7 AS x`);
  await one.detach();
  const blind = file({
    ...withRun((sql, options) => real.run(sql, options)),
    rows: async () => {
      throw new Error("IO Error: Unable to connect to Postgres");
    },
  });
  await blind.attach();
  await blind.sweep(new Set(["kept"]));
  expect([await tables(), warned.length]).toEqual([["kept", "left"], 1]);
  await blind.detach();
  await one.attach();
  await one.sweep(new Set(["kept"]));
  expect([await tables(), warned.length]).toEqual([["kept"], 1]);
  await one.detach();
});

test("the one file of a dataset that could not be prepared is not in the way of the next attempt", async () => {
  const dataset = { name: "events" } as AcceleratedDataset;
  const path = join(root, "tables.duckdb");
  const open = (database: Database) => new TablesFile(database, dataset, path, () => {});
  await open(real).attach();
  await real.run("DETACH events");
  const broken = withRun(async (sql, options) => {
    if (sql.startsWith("CREATE TABLE")) throw new Error("not now");
    return real.run(sql, options);
  });
  await expect(open(broken).attach()).rejects.toThrow("cannot be opened: not now");
  const next = open(real);
  await next.attach();
  await next.close();
});
