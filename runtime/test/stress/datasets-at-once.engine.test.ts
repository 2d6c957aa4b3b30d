import { globSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { memoryUse } from "../../src/adapters/duckdb/memory-use.ts";
import { Draw, seedOf } from "../support/draw.ts";
import { DatasetLife, type Layout } from "./dataset-life.ts";
import { openStressBed, type StressBed } from "./stress-bed.ts";

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
/** Steps of each dataset. */
const steps = Number(process.env["RUNS"] ?? 8);
/** What the datasets of one name take turns in. Files and tables of one name would be two acceleration's worth of files. */
const kinds: readonly (readonly Layout[])[] = [
  ["arrow"],
  ["arrow", "files"],
  ["arrow", "tables"],
  ["files"],
  ["tables"],
  ["memory", "arrow"],
];
const datasets = 18;

let bed: StressBed;
beforeEach(async () => {
  const draw = new Draw(seedOf(seed, "jitter"));
  bed = await openStressBed(() => draw.below(1000) / 1000);
});
afterEach(() => bed?.close());

test(`datasets of shared sources open, load, refresh, answer and close at once in one engine (SEED=${seed})`, async () => {
  const lives = Array.from({ length: datasets }, (_, i) => {
    const name = `d${i}`;
    return new DatasetLife(name, bed, new Draw(seedOf(seed, name)), kinds[i % kinds.length]!);
  });
  // A spicepod that changes all of them, in the middle.
  const changed = [0, 1, 2].map(() => meeting(datasets));
  const whole = async (life: DatasetLife) => {
    await life.live(steps / 2);
    for (const all of changed) {
      await all();
      await life.replace();
    }
    await life.live(steps / 2);
    await life.finish();
  };
  let over = false;
  const scraped = Promise.allSettled([scrape(() => over)]);
  const closed: PromiseSettledResult<void>[] = [];
  try {
    const ended = await Promise.allSettled(lives.map((life) => whole(life)));
    ended.forEach((end, i) => {
      if (end.status === "rejected") {
        console.error(
          `d${i}: ${lives[i]!.done.slice(-12).join("; ")}\n${String((end.reason as Error).stack).slice(0, 600)}`,
        );
      }
    });
    expect(bed.lines).toEqual([]);
    expect(ended.map(({ status }) => status)).toEqual(ended.map(() => "fulfilled"));
    await untilNone(() => globSync("**/data.duckdb*", { cwd: bed.dataDir }));
  } finally {
    over = true;
    closed.push(...(await scraped), ...(await Promise.allSettled(lives.map((life) => life.close()))));
  }
  expect(closed.filter(({ status }) => status === "rejected")).toEqual([]);
  expect(await left()).toEqual([]);
  expect(globSync("**/*.wal", { cwd: bed.dataDir })).toEqual([]);
}, 600_000);

/** Where so many wait for each other, but not for long. */
function meeting(count: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let missing = count;
  return async () => {
    missing -= 1;
    if (missing === 0) resolve();
    await Promise.race([promise, delay(5_000, undefined, { ref: false })]);
  };
}

/** What metrics ask the engine for. */
async function scrape(over: () => boolean): Promise<void> {
  while (!over()) {
    await memoryUse(bed.database);
    await delay(20);
  }
}

/** Catalogues, schemas, tables and secrets of datasets; those of the engine and of no dataset do not count. */
async function left(): Promise<unknown[]> {
  const rows = await Promise.all([
    bed.database.rows(
      `SELECT database_name AS name FROM duckdb_databases() WHERE NOT internal AND database_name NOT IN ('memory', 'spice_memory', 'spice_stage')`,
    ),
    bed.database.rows(
      "SELECT database_name || '.' || schema_name AS name FROM duckdb_schemas() WHERE NOT internal AND schema_name <> 'main'",
    ),
    bed.database.rows("SELECT database_name || '.' || table_name AS name FROM duckdb_tables()"),
    bed.database.rows("SELECT name FROM duckdb_secrets()"),
  ]);
  return rows.flat();
}

async function untilNone(list: () => readonly string[]): Promise<void> {
  for (let i = 0; i < 600 && list().length > 0; i += 1) await delay(100);
  expect(list()).toEqual([]);
}
