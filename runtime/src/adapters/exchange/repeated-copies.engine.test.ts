import { existsSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { quoteLiteral } from "../../core/sql/quote.ts";
import type { Database } from "../../ports/database.ts";
import { openDatabase } from "../duckdb/database.ts";
import { RepeatedCopies } from "./repeated-copies.ts";
import { RepeatedStatements } from "./repeated-statements.ts";

const never = new AbortController().signal;
const format = "FORMAT parquet";
let database: Database;
let directory: string;

beforeAll(async () => {
  database = await openDatabase({ threads: 1 });
  directory = await mkdtemp(join(tmpdir(), "copies-"));
});
afterAll(async () => {
  await database.close();
  await rm(directory, { recursive: true, force: true });
});

/** Run a statement to its file and give the sum that stands in it. */
async function sum(copies: RepeatedCopies, select: string): Promise<{ path: string; sum: unknown }> {
  const copy = await copies.acquire(select, format);
  try {
    expect(await copy.run(never)).toBe(1);
    const [row] = await database.rows(`SELECT s FROM read_parquet(${quoteLiteral(copy.path)})`);
    return { path: copy.path, sum: row?.["s"] };
  } finally {
    rmSync(copy.path, { force: true });
    copy.release();
  }
}

test("a repeated statement is kept, and sees the rows that are there now", async () => {
  const statements = new RepeatedStatements(database);
  const copies = new RepeatedCopies(statements, directory);
  const select = "SELECT sum(i)::INTEGER AS s FROM kept";
  await database.run("CREATE TABLE kept AS SELECT 1 AS i");
  const first = await sum(copies, select);
  const second = await sum(copies, select);
  const third = await sum(copies, select);
  expect([first.sum, second.sum, third.sum]).toEqual([1, 1, 1]);
  expect(second.path).not.toBe(first.path);
  expect(third.path).toBe(second.path);
  // The same name for another table, as when a partition was dropped and loaded again.
  await database.run("DROP TABLE kept");
  await database.run("CREATE TABLE kept AS SELECT 'x' AS other, 40 AS i UNION ALL SELECT 'y', 2");
  expect((await sum(copies, select)).sum).toBe(42);
  statements.close();
});

test("two that run at once have files of their own", async () => {
  const statements = new RepeatedStatements(database);
  const copies = new RepeatedCopies(statements, directory);
  const select = "SELECT 7 AS s";
  for (let i = 0; i < 2; i++) await sum(copies, select);
  const [a, b] = [await copies.acquire(select, format), await copies.acquire(select, format)];
  expect(a.path).not.toBe(b.path);
  await Promise.all([a.run(never), b.run(never)]);
  expect([existsSync(a.path), existsSync(b.path)]).toEqual([true, true]);
  statements.close();
  a.release();
  b.release();
});

test("one that failed is not used again", async () => {
  const statements = new RepeatedStatements(database);
  const copies = new RepeatedCopies(statements, directory);
  await database.run("CREATE TABLE gone AS SELECT 1 AS i");
  const select = "SELECT sum(i)::INTEGER AS s FROM gone";
  for (let i = 0; i < 3; i++) await sum(copies, select);
  await database.run("DROP TABLE gone");
  await expect(sum(copies, select)).rejects.toMatchObject({ category: "Catalog" });
  await database.run("CREATE TABLE gone AS SELECT 5 AS i");
  expect((await sum(copies, select)).sum).toBe(5);
  statements.close();
});

test("many different statements keep a bounded number of connections", async () => {
  const statements = new RepeatedStatements(database);
  const copies = new RepeatedCopies(statements, directory);
  for (let i = 0; i < 100; i++) {
    for (let again = 0; again < 3; again++) {
      expect((await sum(copies, `SELECT ${i} AS s`)).sum).toBe(i);
    }
  }
  statements.close();
});
