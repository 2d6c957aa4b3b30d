import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { assigned, openBed, type TableBed } from "../../../test/support/table-bed.ts";
import type { DatasetConfig } from "./dataset-config.ts";

const engines: Record<string, Partial<DatasetConfig>> = {
  arrow: {},
  "duckdb files": { engine: "duckdb", mode: "file" },
  "duckdb tables": { engine: "duckdb", mode: "file", parameters: { partition_mode: "tables" } },
};
const summary = "SELECT count(*)::INTEGER AS n, coalesce(sum(id), 0)::INTEGER AS s FROM {t}";
const rows = (count: number) =>
  `SELECT range::BIGINT AS id, CASE WHEN range % 5 = 4 THEN NULL ELSE 'p' || range % 5 END AS part FROM range(${count})`;

let bed: TableBed;
beforeEach(async () => {
  bed = await openBed();
});
afterEach(() => bed.close());

describe.each(Object.entries(engines))("rows on their way into partitions of %s", (_name, engine) => {
  test("one partition and many partitions get the same rows", async () => {
    await bed.parquet("a", rows(5000));
    const key = { name: "b", expression: "id % 40", sql: "id % 40", plain: false };
    const config = { ...engine, partitionBy: [key] };
    const many = await bed.open({ ...config, name: "many" });
    const values = Array.from({ length: 40 }, (_, i) => String(i));
    await many.load(assigned(...values), bed.signal);
    expect(await bed.query(many, summary)).toEqual([{ n: 5000, s: 12497500 }]);
    expect(many.partitions().every((p) => p.rows === 125)).toBe(true);
    const one = await bed.open({ ...config, name: "one" });
    await one.load(assigned("7"), bed.signal);
    expect(await bed.query(one, summary)).toEqual([{ n: 125, s: 7 * 125 + 40 * ((124 * 125) / 2) }]);
    const [alone] = one.partitions();
    expect(alone?.statistics["id"]).toEqual({ min: "7", max: "4967", nulls: 0 });
    expect(alone?.bytes).toBeGreaterThan(0);
    expect(many.partitions().find((p) => p.key === alone?.key)).toEqual(alone);
  });

  test("rows without a key are in the NULL partition and in no other, alone or among many", async () => {
    await bed.parquet("a", rows(1000));
    const key = { name: "b", expression: "upper(part)", sql: "upper(part)", plain: false };
    const parts = async (name: string, ...values: (string | null)[]) => {
      const table = await bed.open({ ...engine, name, partitionBy: [key] });
      await table.load(assigned(...values), bed.signal);
      return bed.query(table, "SELECT part, count(*)::INTEGER AS n FROM {t} GROUP BY part ORDER BY part");
    };
    expect(await parts("null", null)).toEqual([{ part: null, n: 200 }]);
    expect(await parts("one", "P0")).toEqual([{ part: "p0", n: 200 }]);
    expect(await parts("two", "P0", "P2")).toEqual([
      { part: "p0", n: 200 },
      { part: "p2", n: 200 },
    ]);
    expect(await parts("both", "P0", null)).toEqual([
      { part: "p0", n: 200 },
      { part: null, n: 200 },
    ]);
  });

  test("of many partitions that are committed together one that fails keeps its old version, alone", async () => {
    const key = { name: "b", expression: "id % 40", sql: "id % 40", plain: false };
    const values = Array.from({ length: 40 }, (_, i) => String(i));
    const config = { ...engine, partitionBy: [key], primaryKey: ["id"] };
    await bed.parquet("a", rows(400));
    const table = await bed.open(config);
    await table.load(assigned(...values, "41"), bed.signal);
    await bed.parquet("a", `${rows(800)} UNION ALL SELECT 7, 'twice'`);
    const report = await table.refresh({}, bed.signal);
    expect(report.failed.map(({ key: failed, error }) => [failed, (error as Error).name])).toEqual([
      ['["7"]', "DuplicateKeyError"],
    ]);
    const versions = table.partitions().map((p) => [p.key, p.version, p.rows]);
    const expected = values.map((v) => [JSON.stringify([v]), v === "7" ? 1 : 2, v === "7" ? 10 : 20]);
    expect(versions).toEqual([...expected, ['["41"]', 2, 0]]);
    await bed.parquet("a", rows(800));
    await table.refresh({}, bed.signal);
    expect(await bed.query(table, summary)).toEqual([{ n: 800, s: (800 * 799) / 2 }]);
    if (engine.mode !== "file") return;
    bed = await bed.reopen();
    const again = await bed.open(config);
    await again.load(assigned(...values), bed.signal);
    expect(again.partitions().map((p) => p.version)).toEqual(values.map((v) => (v === "7" ? 2 : 3)));
    expect(await bed.query(again, summary)).toEqual([{ n: 800, s: (800 * 799) / 2 }]);
  });
});
