import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { lockDirectory } from "./directory-lock.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "lock-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("a directory is held until it is released", async () => {
  const release = await lockDirectory(join(directory, "data"));
  await expect(lockDirectory(join(directory, "data"))).rejects.toMatchObject({
    name: "StorageConflictError",
    code: "Locked",
    message: expect.stringContaining(`in use by process ${process.pid}`),
  });
  await release();
  await release();
  expect(existsSync(join(directory, "data/.lock"))).toBe(false);
  await (await lockDirectory(join(directory, "data")))();
});

test("the lock of a process that is gone is taken over", async () => {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  const lock = (text: string) => writeFileSync(join(directory, ".lock"), text);
  lock(JSON.stringify({ pid: child.pid, host: hostname(), started: "1" }));
  await (await lockDirectory(directory))();
  lock('{"pid": 1, "ho');
  await (await lockDirectory(directory))();
  // The number lives again, but as another process.
  lock(JSON.stringify({ pid: process.ppid, host: hostname(), started: "1" }));
  await (await lockDirectory(directory))();
});
