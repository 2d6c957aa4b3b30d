import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { assigned, openBed, type TableBed } from "../../../test/support/table-bed.ts";
import type { DatasetConfig } from "./dataset-config.ts";

let bed: TableBed;
beforeEach(async () => {
  bed = await openBed();
  await bed.parquet("a", "SELECT range AS id, 'p' || range % 4 AS part FROM range(400)");
});
afterEach(() => bed.close());

const layouts: Record<string, Partial<DatasetConfig>> = {
  arrow: { engine: "arrow", parameters: { hash_index: "enabled" } },
  files: { engine: "duckdb", mode: "file" },
  tables: { engine: "duckdb", mode: "file", parameters: { partition_mode: "tables" } },
};

test.each(Object.entries(layouts))("%s: every partition has the indexes of its own", async (name, layout) => {
  const indexes = [
    { columns: ["id"], unique: true },
    { columns: ["id", "part"], unique: false },
  ];
  const table = await bed.open({ ...layout, name, primaryKey: ["id"], indexes });
  const partitions = assigned("p0", "p1", "p2", "p3");
  expect(await table.load(partitions, bed.signal)).toMatchObject({ rows: 400, failed: [] });
  expect(await table.refresh({ force: true }, bed.signal)).toMatchObject({ rows: 400, failed: [] });
  // What was dropped and comes back begins with the same numbers.
  table.unload(['["p0"]', '["p1"]']);
  await bed.clock.advance(10_000);
  expect(await table.load(partitions, bed.signal)).toMatchObject({ rows: 200, failed: [] });
  expect(await bed.query(table, "SELECT count(*)::INT AS n, sum(id)::INT AS ids FROM {t}")).toEqual([
    { n: 400, ids: 79_800 },
  ]);
});
