import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { assigned, openBed, type TableBed, testConfig } from "../../../test/support/table-bed.ts";
import { builtInAccelerators } from "../../adapters/engine/registry.ts";
import { openSource } from "../../adapters/source/registry.ts";
import type { AcceleratedTable } from "./accelerated-table.ts";
import type { DatasetConfig } from "./dataset-config.ts";
import { openDataset } from "./open-dataset.ts";

const engines: Record<string, Partial<DatasetConfig>> = {
  arrow: {},
  "duckdb files": { engine: "duckdb", mode: "file" },
};
const summary =
  "SELECT count(*)::INTEGER AS n, min(generation) AS oldest, max(generation) AS newest FROM {t}";
const rows = (generation: number) =>
  `SELECT range::BIGINT AS id, 'p' || range % 3 AS part, ${generation} AS generation FROM range(300)`;

let bed: TableBed;
let tables: AcceleratedTable[];
let warnings: string[];
beforeEach(async () => {
  bed = await openBed();
  [tables, warnings] = [[], []];
  for (const name of ["a", "b"]) await bed.parquet(name, rows(1));
});
afterEach(async () => {
  for (const table of tables) await table.close();
  await bed.close();
});

/** A dataset over two files; `meddle` runs after the n-th scan of them was opened and before it is read. */
async function open(
  engine: Partial<DatasetConfig>,
  meddle: (scan: number) => unknown,
): Promise<AcceleratedTable> {
  const source = await openSource(bed.database, `file:${bed.directory}/source`, {});
  let scans = 0;
  const table = await openDataset(testConfig(engine), {
    database: bed.database,
    registry: builtInAccelerators(),
    source: {
      location: "the files",
      pushes: source.pushes,
      schema: (signal) => source.schema(signal),
      distinct: (...args) => source.distinct(...args),
      close: () => source.close(),
      async open(request, signal) {
        const scan = await source.open(request, signal);
        scans += 1;
        await meddle(scans);
        return scan;
      },
    },
    clock: bed.clock,
    dataDir: join(bed.directory, "data"),
    warn: (message) => warnings.push(message),
  });
  tables.push(table);
  return table;
}

const again = "the files changed while it was read; it is read again";

describe.each(Object.entries(engines))("files that change while they are read into %s", (_name, engine) => {
  test.each([[["p0"]], [["p0", "p1", "p2"]]])("are read again at once, into %j", async (keys) => {
    const table = await open(engine, (scan) => (scan === 2 ? bed.parquet("b", rows(2)) : undefined));
    await table.load(assigned(...keys), bed.signal);
    await bed.parquet("a", rows(2));
    expect(warnings).toEqual([]);
    expect((await table.refresh({}, bed.signal)).rows).toBe(keys.length * 200);
    expect(warnings).toEqual([again]);
    expect(await bed.query(table, summary)).toEqual([{ n: keys.length * 200, oldest: 2, newest: 2 }]);
    // The first attempt was not committed, and the second one knows what it read.
    expect(table.partitions().every(({ version }) => version === 2)).toBe(true);
    expect(await table.refresh({}, bed.signal)).toMatchObject({ unchanged: true });
  });

  test("and are broken for a moment cost no refresh", async () => {
    const table = await open(engine, (scan) => {
      if (scan === 2) writeFileSync(join(bed.directory, "source/b.parquet"), "PAR1 is not all of it");
      return scan === 3 ? bed.parquet("b", rows(2)) : undefined;
    });
    await table.load(assigned("p0", "p1"), bed.signal);
    await bed.parquet("a", rows(2));
    await table.refresh({}, bed.signal);
    expect(warnings).toEqual([again, again]);
    expect(await bed.query(table, summary)).toEqual([{ n: 400, oldest: 2, newest: 2 }]);
  });

  test("and go on changing fail the refresh, and the old data stays", async () => {
    let generation = 1;
    const table = await open(engine, (scan) =>
      scan === 1 ? undefined : bed.parquet("b", rows(++generation)),
    );
    await table.load(assigned("p0"), bed.signal);
    await bed.parquet("a", rows(9));
    await expect(table.refresh({}, bed.signal)).rejects.toMatchObject({
      name: "SourceError",
      message:
        "the files changed each of the 3 times that it was read: write files elsewhere and move them into place when they are complete",
    });
    expect(warnings).toEqual([again, again]);
    expect(await bed.query(table, summary)).toEqual([{ n: 200, oldest: 1, newest: 1 }]);
    expect(table.partitions()).toMatchObject([{ version: 1 }]);
  });

  test("and are gone say so", async () => {
    const table = await open(engine, (scan) => {
      if (scan === 2) for (const name of ["a", "b"]) rmSync(join(bed.directory, `source/${name}.parquet`));
    });
    await table.load(assigned("p0"), bed.signal);
    await expect(table.refresh({ force: true }, bed.signal)).rejects.toThrow("There is no file at file:");
  });
});
