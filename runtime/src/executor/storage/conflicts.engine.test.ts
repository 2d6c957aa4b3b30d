import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { assigned, openBed, type TableBed, testConfig } from "../../../test/support/table-bed.ts";
import { builtInAccelerators } from "../../adapters/engine/registry.ts";
import { openSource } from "../../adapters/source/registry.ts";
import { systemClock } from "../../adapters/system/clock.ts";
import type { Clock } from "../../ports/clock.ts";
import { SqlError } from "../../ports/database.ts";
import { type Source, SourceError } from "../../ports/source.ts";
import { openDataset } from "./open-dataset.ts";

let bed: TableBed;
let source: Source;
let warned: unknown[];
let paused: () => Promise<unknown>;
beforeEach(async () => {
  bed = await openBed();
  await bed.parquet("a", "SELECT range AS id, 'p' || range % 2 AS part FROM range(100)");
  source = await openSource(bed.database, `file:${bed.directory}/source`, {});
  warned = [];
  paused = async () => {};
});
afterEach(() => bed.close());

async function open(of: Source) {
  const clock: Clock = {
    ...systemClock,
    sleep: async (ms, signal) => (ms < 1_000 ? void (await paused()) : systemClock.sleep(ms, signal)),
  };
  const { database, directory } = bed;
  const warn = (_message: string, cause: unknown) => warned.push((cause as Error).message);
  const means = { database, registry: builtInAccelerators(), dataDir: directory, source: of, clock, warn };
  return openDataset(testConfig(), means, bed.signal);
}

test("a source whose scan meets another change of the engine is read at once again", async () => {
  let scans = 0;
  const conflict = new SqlError("TransactionContext Error: Catalog write-write conflict on alter", {
    category: "TransactionContext",
    sql: "",
  });
  const busy: Source = Object.create(source, {
    location: { value: source.location },
    open: {
      value: (request: object, signal?: AbortSignal) => {
        scans += 1;
        if (scans === 1) throw new SourceError("cannot be read", { cause: conflict, retryable: true });
        return source.open(request, signal);
      },
    },
    schema: { value: (signal?: AbortSignal) => source.schema(signal) },
    close: { value: () => source.close() },
  });
  const table = await open(busy);
  expect(await table.load(assigned("p0", "p1"), bed.signal)).toMatchObject({ rows: 100, failed: [] });
  expect([scans, warned]).toEqual([2, ["cannot be read"]]);
  await table.close();
});

test("a partition whose new version meets another change of the engine is written again, from the same scan", async () => {
  const table = await open(source);
  await table.load(assigned("p0", "p1"), bed.signal);
  const { key, epoch, version } = table.partitions()[0]!;
  const pinned = table.pin(key, epoch, version)!;
  const other = await bed.database.acquire();
  await other.run("BEGIN TRANSACTION");
  await other.run(`CREATE TABLE ${pinned.relations[0]!.replace("#s1_0", "#s2_0")} AS SELECT 1 AS x`);
  paused = () => other.run("ROLLBACK");
  expect(await table.refresh({ force: true }, bed.signal)).toMatchObject({ rows: 100, failed: [] });
  other.release();
  expect(warned).toEqual([expect.stringContaining("conflict"), expect.stringContaining("conflict")]);
  expect(table.partitions().map((p) => [p.version, p.rows])).toEqual([
    [2, 50],
    [2, 50],
  ]);
  pinned.release();
  await table.close();
});
