import { mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { fileSpool } from "./file-spool.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "spool-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test("queries share one quota, and what is removed or closed makes room", async () => {
  const store = fileSpool({ directory, maxBytes: 1000 });
  const [a, b] = [await store.open("a"), await store.open("../b")];
  const first = await a.write(new Uint8Array(400));
  await b.write(new Uint8Array(400));
  await expect(b.write(new Uint8Array(400))).rejects.toMatchObject({ name: "ResourceExhaustedError" });
  await a.remove(first);
  await b.write(new Uint8Array(400));
  expect([a.bytes, b.bytes]).toEqual([0, 800]);
  await b.close();
  await b.close();
  await a.write(new Uint8Array(1000));
  await a.close();
  expect(await readdir(directory)).toEqual([]);
});

test("a full disk is told as such, and what was written goes with the query", async () => {
  const store = fileSpool({ directory, maxBytes: 2 ** 30 });
  const spool = await store.open("a");
  const written = await spool.write(new Uint8Array(10));
  // The device that is always full, in the place of the next files.
  for (const n of [1, 2]) await symlink("/dev/full", written.replace("-0.parquet", `-${n}.parquet`));
  const full = { name: "ResourceExhaustedError", message: expect.stringContaining("The disk has no room") };
  await expect(spool.write(new Uint8Array(10))).rejects.toMatchObject(full);
  await expect(spool.write(new Uint8Array(1 << 20))).rejects.toMatchObject(full);
  await spool.close();
  expect(spool.bytes).toBe(0);
  expect(await readdir(directory)).toEqual([]);
});
