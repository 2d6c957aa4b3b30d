import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { assigned, openBed, type TableBed } from "../../../test/support/table-bed.ts";
import type { AcceleratedTable } from "./accelerated-table.ts";
import type { DatasetConfig } from "./dataset-config.ts";

const disk = mkdtempSync(join(tmpdir(), "disk-full-"));
afterAll(() => rmSync(disk, { recursive: true, force: true }));
const engines: Record<string, Partial<DatasetConfig>> = {
  files: { engine: "duckdb", mode: "file" },
  tables: { engine: "duckdb", mode: "file", parameters: { partition_mode: "tables" } },
};
const rows = (count: number, from = 0) =>
  `SELECT (range + ${from})::BIGINT AS id, 'p' || range % 3 AS part, hash(range + ${from}) AS h FROM range(${count})`;
const summary = "SELECT count(*)::INTEGER AS n, sum(id)::BIGINT AS ids FROM {t}";
const sumTo = (n: number) => [{ n, ids: String((n * (n - 1)) / 2) }];

/** A file system of its own is needed, which only root may mount. */
const onDisk =
  process.getuid?.() === 0 ? describe.each(Object.entries(engines)) : describe.skip.each([["", {}]]);

/** Leave so many bytes of the disk. */
function fill(leave: number): void {
  free();
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(join(disk, "ballast"), Buffer.alloc(Math.max(0, bavail * bsize - leave)));
}

function free(): void {
  rmSync(join(disk, "ballast"), { force: true });
}

onDisk("a full disk, partition_mode %s", (_mode, config) => {
  let bed: TableBed;
  let table: AcceleratedTable;

  beforeEach(async () => {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=48m", "tmpfs", disk]);
    bed = await openBed({ directory: join(disk, "bed") });
    await bed.parquet("a", rows(60_000));
    table = await bed.open(config);
  });
  afterEach(async () => {
    try {
      await bed.close();
    } finally {
      execFileSync("umount", ["-l", disk]);
    }
  });

  const load = () => table.load(assigned("p0", "p1", "p2"), bed.signal);
  /** As when the room goes while a checkpoint runs: the engine gives the files up, and nothing else. */
  async function failCheckpoints(): Promise<void> {
    const files = await bed.database.rows(
      `SELECT database_name AS name FROM duckdb_databases() WHERE path LIKE '${disk}%'`,
    );
    const checkpoints = files.map(({ name }) => bed.database.run(`CHECKPOINT "${String(name)}"`));
    const failures = (await Promise.allSettled(checkpoints)).filter((one) => one.status === "rejected");
    expect(failures.map(({ reason }) => String(reason.message))).toEqual(
      files.map(() => expect.stringContaining("has been invalidated")),
    );
  }

  test("what serves goes on, and what failed works when there is room", async () => {
    await load();
    await table.settled();
    expect(await bed.query(table, summary)).toEqual(sumTo(60_000));
    await bed.parquet("a", rows(600_000));
    for (const leave of [0, 100_000, 1_000_000]) {
      fill(leave);
      await expect(table.refresh({ force: true }, bed.signal)).rejects.toThrow(
        /^No room to store a new version of events \(part=p.\): .*No space left on device.* The old data keeps serving/,
      );
      await table.settled();
      expect(await bed.query(table, summary)).toEqual(sumTo(60_000));
    }
    free();
    await table.refresh({ force: true }, bed.signal);
    await table.settled();
    expect(await bed.query(table, summary)).toEqual(sumTo(600_000));
  });

  test("a dataset that has no room to begin with is loaded when there is", async () => {
    const late = async () => {
      table = await bed.open({ ...config, name: "late", fullName: "spice.public.late" });
      const { failed } = await load();
      if (failed.length > 0) throw failed[0]!.error;
    };
    for (const leave of [0, 8_192]) {
      fill(leave);
      await expect(late()).rejects.toThrow("No space left on device");
    }
    free();
    await late();
    expect(await bed.query(table, summary)).toEqual(sumTo(60_000));
  });

  test("an append fails whole and is made up for when there is room", async () => {
    table = await bed.open({
      ...config,
      name: "appended",
      fullName: "spice.public.appended",
      refreshMode: "append",
    });
    await load();
    await bed.parquet("b", rows(600_000, 60_000));
    fill(300_000);
    await expect(table.refresh({}, bed.signal)).rejects.toThrow(
      /^No room to store a new version of appended/,
    );
    await table.settled();
    expect(await bed.query(table, summary)).toEqual(sumTo(60_000));
    free();
    await table.refresh({}, bed.signal);
    expect(await bed.query(table, summary)).toEqual(sumTo(660_000));
  });

  test("a checkpoint without room waits, and one that fails costs nothing", async () => {
    await load();
    fill(100_000);
    await table.settled();
    expect(await bed.query(table, summary)).toEqual(sumTo(60_000));
    await failCheckpoints();
    await expect(bed.query(table, summary)).rejects.toThrow("has been invalidated");
    expect(await bed.database.rows("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await table.refresh({}, bed.signal).catch(() => undefined);
    await table.settled();
    expect(await bed.query(table, summary)).toEqual(sumTo(60_000));
    free();
    await table.refresh({ force: true }, bed.signal);
    await table.settled();
    expect(await bed.query(table, summary)).toEqual(sumTo(60_000));
  });

  test("a file that was given up is attached again when the queries over it have ended", async () => {
    await load();
    fill(100_000);
    await table.settled();
    const { key, epoch, version } = table.partitions()[0]!;
    const pinned = table.pin(key, epoch, version)!;
    const reader = await bed.database.acquire();
    const { chunks } = await reader.stream(`SELECT id FROM ${pinned.relations[0]}, range(200)`);
    const reading = chunks[Symbol.asyncIterator]();
    expect((await reading.next()).done).toBe(false);
    await failCheckpoints();
    const refresh = table.refresh({}, bed.signal).then(() => table.settled());
    const told = () => bed.query(table, summary).catch((error: Error) => error.message);
    while (!String(await told()).includes("does not exist")) await setTimeout(50);
    // Its transaction cannot end well in a file that was given up.
    const rest = async () => {
      while ((await reading.next()).done !== true);
    };
    await expect(rest()).rejects.toThrow("the statement failed");
    reader.release();
    pinned.release();
    await refresh;
    expect(await bed.query(table, summary)).toEqual(sumTo(60_000));
  });

  test("a partition that has no room to move here is learned when there is", async () => {
    await table.load(assigned("p0"), bed.signal);
    await bed.database.run(
      `COPY (SELECT id AS c0, part AS c1, h AS c2 FROM (${rows(900_000)}) WHERE part = 'p1') TO '${disk}/copy.parquet'`,
    );
    const learn = () =>
      table.learn(
        { values: ["p1"], epoch: 2, role: "learner" },
        {
          version: 7,
          columns: table.columns,
          rows: 300_000,
          watermark: null,
          position: null,
          lastRefreshMs: 0,
        },
        { files: [`${disk}/copy.parquet`] },
        bed.signal,
      );
    fill(300_000);
    await expect(learn()).rejects.toThrow(/^No room to store a new version of events \(part=p1\)/);
    await table.settled();
    expect(await bed.query(table, summary)).toEqual([{ n: 20_000, ids: "599970000" }]);
    free();
    expect(await learn()).toMatchObject({ version: 7, rows: 300_000, loaded: true });
  });

  test("a refresh tells of each partition what is true, wherever its commit or checkpoint fails", async () => {
    await load();
    await table.settled();
    const perPartition = "SELECT part, count(*)::INTEGER AS n FROM {t} GROUP BY part ORDER BY part";
    for (const [threshold, leave, count] of [
      ["1KB", 60_000, 3_000],
      ["1KB", 200_000, 6_000],
      ["40KB", 150_000, 3_300],
      ["40KB", 400_000, 3_600],
      ["40KB", 500_000, 7_500],
      ["1KB", 300_000, 90_000],
      ["60KB", 500_000, 9_000],
      ["60KB", 700_000, 6_000],
      ["30KB", 700_000, 2_100],
    ] as const) {
      const before = await bed.query(table, perPartition);
      await bed.parquet("a", rows(count));
      await bed.database.run(`SET GLOBAL checkpoint_threshold = '${threshold}'`);
      fill(leave);
      const report = await table.refresh({ force: true }, bed.signal).catch((error: Error) => error);
      await table.settled();
      const failed =
        report instanceof Error ? ["p0", "p1", "p2"] : report.failed.map(({ key }) => JSON.parse(key)[0]);
      expect(await bed.query(table, perPartition)).toEqual(
        before.map((row) => (failed.includes(row["part"]) ? row : { ...row, n: count / 3 })),
      );
      free();
      await table.refresh({ force: true }, bed.signal);
      await table.settled();
      expect(await bed.query(table, summary)).toEqual(sumTo(count));
    }
  });
});
