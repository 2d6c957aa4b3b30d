import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type ConformanceSubject,
  conformanceDataset,
  type DirectoryTest,
  overwrite,
  rows,
  sums,
} from "./subject.ts";

/** What holds of storage that outlives its process, however that ended. */
export function storagePromises(subject: ConformanceSubject, test: DirectoryTest): void {
  test("finds version, watermark and rows again, and refuses other partition expressions", async (open) => {
    const first = await open();
    const dataset = conformanceDataset(subject);
    await first.accelerator.init?.(dataset);
    const table = await first.accelerator.createTable({ dataset, values: ["A/b"] });
    await table.insert(rows("range(10)"), overwrite("0"));
    await table.insert(rows("range(10, 12)"), {
      mode: { kind: "append" },
      watermark: "7",
      position: "p",
    });
    const empty = await first.accelerator.createTable({ dataset, values: [null] });
    await empty.insert({ ...rows("range(0)"), empty: true }, overwrite("7"));
    await first.accelerator.recordUnits?.(dataset, [
      { values: ["A/b"], version: { ...table.current, watermark: "8" } },
      { values: [null], version: empty.current },
    ]);
    await first.close();

    const second = await open();
    const found = (await second.accelerator.init?.(dataset))!.partitions;
    assert.deepEqual(
      found.map((u) => [u.values, u.version.version, u.version.rows, u.version.watermark]),
      [
        [["A/b"], 2, 12, "8"],
        [[null], 1, 0, "7"],
      ],
    );
    const again = await second.accelerator.createTable({ dataset, values: ["A/b"] });
    assert.deepEqual(await sums(second.database, again, again.current), { n: "12", s: "66" });
    await second.close();

    const third = await open();
    const changed = conformanceDataset(subject, { partitionBy: [{ name: "part", expression: "other" }] });
    await assert.rejects(third.accelerator.init!(changed), {
      message:
        "The 'partition_by' expressions are different from the expressions used to create the existing partition files. Revert the 'partition_by' expressions, delete the partition files, or change the location the partition files are stored to create new partitions.",
    });
  });

  test("after kill -9 in the middle of writes storage has one whole version", async (open, directory) => {
    let version = 0;
    for (const delay of [0, 15, 40, 90, 170]) {
      const seen = await killWriter(subject, directory, delay);
      const { accelerator, database, close } = await open();
      const dataset = conformanceDataset(subject);
      const unit = (await accelerator.init?.(dataset))!.partitions[0];
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
  const script = fileURLToPath(new URL(`./endless-writer${extname(import.meta.url)}`, import.meta.url));
  const child = spawn(
    process.execPath,
    ["--conditions=source", "--no-warnings", script, JSON.stringify({ ...subject, directory })],
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
