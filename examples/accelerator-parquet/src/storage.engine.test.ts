import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { conformanceDataset, type Opened, openSubject } from "@spice-shards/runtime/accelerator/conformance";
import { parquetDescription } from "./description.ts";

const subject = {
  name: "parquet",
  description: parquetDescription,
  module: new URL("./accelerator.ts", import.meta.url).href,
  factory: "createParquet",
  mode: "file",
  parameters: {},
} as const;
const dataset = conformanceDataset(subject);
const write = {
  mode: { kind: "overwrite", duplicates: { kind: "error" } },
  watermark: null,
  position: null,
} as const;

let directory: string;
let partition: string;
const opened: Opened[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "parquet-"));
  partition = join(directory, "parquet", "conformance", "part=a");
});

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  await rm(directory, { recursive: true, force: true });
});

const open = async () => {
  const one = await openSubject(subject, directory);
  opened.push(one);
  return one;
};
const rows = (count: number) => ({
  sql: `SELECT range AS id, 0 AS v, 'note' AS note FROM range(${count})`,
  columns: dataset.columns,
});
const filesOf = async (path: string) => (await readdir(path)).sort();

/** A partition with one committed version; the name of its only data file. */
async function commitOne(): Promise<string> {
  const { accelerator } = await open();
  await accelerator.init?.(dataset);
  const table = await accelerator.createTable({ dataset, values: ["a"] });
  const { segments } = await table.insert(rows(10), write);
  return `${segments[0]!.id}.parquet`;
}

test("an opening sweeps what no manifest names, and nothing else", async () => {
  const kept = await commitOne();
  await writeFile(join(partition, "v9-cut-off.parquet"), "PAR1");
  await writeFile(join(partition, "manifest.json.new"), "{");
  await writeFile(join(partition, "notes.txt"), "someone's");
  const never = await open();
  const unborn = await never.accelerator.createTable({ dataset, values: ["never committed"] });
  await expect(unborn.insert({ ...rows(1), sql: "SELECT error('no')" }, write)).rejects.toThrow();
  expect(await filesOf(join(directory, "parquet", "conformance"))).toHaveLength(2);

  const { accelerator } = await open();
  const found = await accelerator.init?.(dataset);
  expect(found?.partitions.map(({ values, version }) => [values, version.rows])).toEqual([[["a"], 10]]);
  expect(await filesOf(partition)).toEqual(["manifest.json", "notes.txt", kept].sort());
  expect(await filesOf(join(directory, "parquet", "conformance"))).toEqual(["part=a"]);
});

test("an old version's files go when it is discarded, and a partition's when it is dropped", async () => {
  const first = await commitOne();
  const { accelerator } = await open();
  const table = await accelerator.createTable({ dataset, values: ["a"] });
  const old = table.current;
  const second = await table.insert(rows(3), write);
  const name = `${second.segments[0]!.id}.parquet`;
  expect(await filesOf(partition)).toEqual(["manifest.json", first, name].sort());
  await table.discard(old, [second]);
  expect(await filesOf(partition)).toEqual(["manifest.json", name].sort());
  await table.drop();
  expect(await filesOf(join(directory, "parquet", "conformance"))).toEqual([]);
});

test("a failed write leaves no file", async () => {
  const kept = await commitOne();
  const { accelerator } = await open();
  const table = await accelerator.createTable({ dataset, values: ["a"] });
  const failing =
    "SELECT range AS id, 0 AS v, if(range = 400000, error('boom'), '') AS note FROM range(500000)";
  await expect(table.insert({ ...rows(1), sql: failing }, write)).rejects.toThrow("boom");
  expect(await filesOf(partition)).toEqual(["manifest.json", kept].sort());
});

test("storage that is damaged is an error that says what to remove", async () => {
  const kept = await commitOne();
  const { accelerator } = await open();
  const init = async () => accelerator.init?.(dataset);
  await rm(join(partition, kept));
  await expect(init()).rejects.toMatchObject({
    name: "StorageConflictError",
    code: "Format",
    message: `${join(partition, kept)} is missing. Remove ${partition} to load the partition anew.`,
  });
  await writeFile(join(partition, "manifest.json"), "{");
  await expect(init()).rejects.toThrow(/manifest\.json is damaged\. Remove /);
  await writeFile(join(partition, "manifest.json"), '{ "format": 7 }');
  await expect(init()).rejects.toThrow(/has format 7; this version reads 1\. Remove /);
});

test("files have the compression and the row groups that the parameters say", async () => {
  const { accelerator, database } = await open();
  const parameters = { parquet_compression: "snappy", parquet_row_group_rows: "2048" };
  const table = await accelerator.createTable({ dataset: { ...dataset, parameters }, values: ["a"] });
  await table.insert(rows(5000), write);
  const [file] = (await filesOf(partition)).filter((name) => name.endsWith(".parquet"));
  expect(
    await database.rows(
      `SELECT DISTINCT compression, row_group_id AS g, row_group_num_rows AS n FROM parquet_metadata('${join(partition, file!)}') ORDER BY g`,
    ),
  ).toEqual([2048, 2048, 904].map((n, g) => ({ compression: "SNAPPY", g: String(g), n: String(n) })));
  const few = { ...dataset, parameters: { parquet_row_group_rows: "10" } };
  await expect(accelerator.init?.(few)).rejects.toMatchObject({ name: "AcceleratorParameterError" });
});
