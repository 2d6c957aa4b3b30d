import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { UnitRecord } from "../../../ports/accelerator.ts";
import {
  type ConformanceSubject,
  conformanceDataset,
  type DirectoryTest,
  overwrite,
  partitionExpressions,
  rows,
  sums,
  unit,
} from "./subject.ts";

/** What holds of storage that outlives its process, however that ended. */
export function storagePromises(subject: ConformanceSubject, test: DirectoryTest): void {
  test("finds version, watermark and rows again", async (open) => {
    const first = await open();
    const dataset = conformanceDataset(subject);
    await first.accelerator.init?.(dataset);
    const values = unit(subject);
    const table = await first.accelerator.createTable({ dataset, values });
    await table.insert(rows("range(12)"), overwrite("0"));
    await table.insert(rows("range(10)"), { ...overwrite("7"), position: "p" });
    const units: UnitRecord[] = [{ values, version: { ...table.current, watermark: "8" } }];
    // The engine keeps the watermark that a later look at the source gave, where it says that it does.
    const records = first.accelerator.recordUnits !== undefined;
    const found: object[] = [{ values, version: 2, rows: 10, watermark: records ? "8" : "7", position: "p" }];
    if (dataset.partitionBy.length > 0) {
      const empty = await first.accelerator.createTable({ dataset, values: [null] });
      await empty.insert({ ...rows("range(0)"), empty: true }, overwrite("7"));
      units.push({ values: [null], version: empty.current });
      found.push({ values: [null], version: 1, rows: 0, watermark: "7", position: null });
    }
    await first.accelerator.recordUnits?.(dataset, units);
    await first.close();

    const second = await open();
    const byValues = (a: UnitRecord, b: UnitRecord) => String(b.values).localeCompare(String(a.values));
    const again = [...((await second.accelerator.init?.(dataset))?.partitions ?? [])].sort(byValues);
    assert.deepEqual(
      again.map(({ values, version: { version, rows, watermark, position } }) => ({
        ...{ values, version, rows, watermark, position },
      })),
      found,
    );
    const reopened = await second.accelerator.createTable({ dataset, values });
    assert.equal(reopened.current.version, 2);
    assert.deepEqual(await sums(second.database, reopened, reopened.current), { n: "10", s: "45" });
    await reopened.insert(rows("range(3)"), overwrite("9"));
    assert.deepEqual(await sums(second.database, reopened, reopened.current), { n: "3", s: "3" });
  });

  test("a dropped table is gone, now and after a restart", async (open) => {
    const first = await open();
    const dataset = conformanceDataset(subject);
    await first.accelerator.init?.(dataset);
    const values = unit(subject);
    const table = await first.accelerator.createTable({ dataset, values });
    await table.insert(rows("range(10)"), overwrite("0"));
    await table.drop();
    const anew = await first.accelerator.createTable({ dataset, values });
    assert.equal(anew.current.version, 0);
    await first.close();

    const second = await open();
    assert.deepEqual((await second.accelerator.init?.(dataset))?.partitions ?? [], []);
  });

  if (partitionExpressions(subject) !== "none") {
    test("refuses what was partitioned by other expressions", async (open) => {
      const first = await open();
      const dataset = conformanceDataset(subject);
      await first.accelerator.init?.(dataset);
      const table = await first.accelerator.createTable({ dataset, values: ["a"] });
      await table.insert(rows("range(10)"), overwrite("0"));
      await first.close();

      const second = await open();
      const changed = conformanceDataset(subject, { partitionBy: [{ name: "part", expression: "other" }] });
      await assert.rejects(async () => second.accelerator.init?.(changed), {
        name: "StorageConflictError",
        code: "PartitionByChanged",
        message:
          "The 'partition_by' expressions are different from the expressions used to create the existing partition files. Revert the 'partition_by' expressions, delete the partition files, or change the location the partition files are stored to create new partitions.",
      });
    });
  }

  test("after kill -9 in the middle of writes storage has one whole version", async (open, directory) => {
    let version = 0;
    for (const delay of [0, 15, 40, 90, 170]) {
      const seen = await killWriter(subject, directory, delay);
      const { accelerator, database, close } = await open();
      const dataset = conformanceDataset(subject);
      const unit = (await accelerator.init?.(dataset))?.partitions[0];
      assert.ok((unit?.version.version ?? 0) >= Math.max(seen, version), "an announced version is durable");
      version = unit?.version.version ?? 0;
      if (unit !== undefined) {
        const table = await accelerator.createTable({ dataset, values: unit.values });
        const relations = table.scan(table.current).map((r) => `SELECT * FROM ${r}`);
        const got = await database.rows(
          `SELECT count(*)::INTEGER AS n, min(v) AS low, max(v) AS high FROM (${relations.join(" UNION ALL ")})`,
        );
        assert.deepEqual(got, [{ n: 1000 * ((version % 7) + 1), low: version, high: version }]);
        assert.equal(table.current.watermark, String(version));
      }
      await close();
    }
    assert.ok(version > 0, "the writer never came to a commit");
  });
}

/** Start a process that writes version after version, kill it, and give the last version that it announced. */
async function killWriter(subject: ConformanceSubject, directory: string, delayMs: number): Promise<number> {
  const extension = extname(import.meta.url);
  const script = fileURLToPath(new URL(`./endless-writer${extension}`, import.meta.url));
  // Compiled code takes compiled packages.
  const conditions = extension === ".ts" ? ["--conditions=source"] : [];
  const child = spawn(
    process.execPath,
    [...conditions, "--no-warnings", script, JSON.stringify({ ...subject, directory })],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let seen = 0;
  const exited = once(child, "exit");
  const first = new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      const lines = chunk.toString().trim().split("\n");
      seen = Math.max(seen, Number(lines.at(-1)));
      resolve();
    });
  });
  await Promise.race([first, exited]);
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  child.kill("SIGKILL");
  await exited;
  return seen;
}
