import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { extensionFiles } from "../../../test/support/duckdb-extensions.ts";
import type { Database } from "../../ports/database.ts";
import { openDatabase } from "./database.ts";
import { HeldSecret } from "./held-secret.ts";

let database: Database;
beforeEach(async () => {
  database = await openDatabase({ threads: 2, extensions: extensionFiles("httpfs") });
});
afterEach(() => database.close());

const identity = { url: "s3://data/events/" };
const values = { KEY_ID: "key", SECRET: "it's", REGION: "us-east-1", SCOPE: "s3://data/", USE_SSL: false };
const scopes = () => database.rows("SELECT scope FROM duckdb_secrets() ORDER BY name");

test("many sources of one identity that renew it at once share one secret, and the last drops it", async () => {
  const held = Array.from({ length: 24 }, () => new HeldSecret(database, "s3", identity));
  const other = new HeldSecret(database, "s3", { url: "s3://data/orders/" });
  await Promise.all([...held, ...held, other].map((secret) => secret.put(values)));
  expect(await scopes()).toHaveLength(2);
  const [last, ...others] = held;
  await Promise.all(others.map((secret) => secret.release()));
  expect(await scopes()).toHaveLength(2);
  await Promise.all([last?.put({ ...values, SCOPE: "s3://data/later/" }), last?.release(), last?.release()]);
  expect(await scopes()).toEqual([{ scope: ["s3://data/"] }]);
  await other.release();
  expect(await scopes()).toEqual([]);
});

test("one that is released while another begins is there for that one", async () => {
  for (let round = 0; round < 20; round += 1) {
    const [leaves, comes] = [
      new HeldSecret(database, "s3", identity),
      new HeldSecret(database, "s3", identity),
    ];
    await leaves.put(values);
    await Promise.all([leaves.release(), comes.put(values)]);
    expect(await scopes()).toHaveLength(1);
    await comes.release();
    expect(await scopes()).toEqual([]);
  }
});

test("one that begins between two that leave at once is in line with both", async () => {
  let [active, most] = [0, 0];
  const watched: Database = {
    acquire: () => database.acquire(),
    withConnection: (use) => database.withConnection(use),
    rows: (sql, options) => database.rows(sql, options),
    describe: (sql, options) => database.describe(sql, options),
    close: () => database.close(),
    async run(sql, options) {
      active += 1;
      most = Math.max(most, active);
      // As long as others need to begin theirs.
      await new Promise(setImmediate);
      return database.run(sql, options).finally(() => {
        active -= 1;
      });
    },
  };
  const [one, two, comes] = [0, 1, 2].map(() => new HeldSecret(watched, "s3", identity)) as [
    HeldSecret,
    HeldSecret,
    HeldSecret,
  ];
  await Promise.all([one.put(values), two.put(values)]);
  const left = [one.release(), two.release()];
  await left[0];
  await Promise.all([...left, comes.put(values)]);
  expect([most, (await scopes()).length]).toEqual([1, 1]);
  await comes.release();
  expect(await scopes()).toEqual([]);
});

test("one that the engine refuses can be put again, and is dropped as others are", async () => {
  const secret = new HeldSecret(database, "s3", identity);
  await expect(secret.put({ NOTHING: "x" })).rejects.toThrow(/nothing/i);
  await secret.put(values);
  expect(await scopes()).toHaveLength(1);
  await secret.release();
  expect(await scopes()).toEqual([]);
});
