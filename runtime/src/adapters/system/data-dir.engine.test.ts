import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { DataDirInUseError, lockDataDir } from "./data-dir.ts";

const root = mkdtempSync(join(tmpdir(), "data-dir-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("a data directory is for one process; another is told, or moves", () => {
  const first = lockDataDir(join(root, "data"), false);
  expect(() => lockDataDir(join(root, "data"), false)).toThrow(DataDirInUseError);
  const second = lockDataDir(join(root, "data"), true);
  expect(second.path).toBe(join(root, "data-2"));
  for (const dir of [first, second]) dir.release();
  lockDataDir(join(root, "data"), false).release();
});

test("a directory that cannot be written is named with what the system says", () => {
  writeFileSync(join(root, "file"), "");
  expect(() => lockDataDir(join(root, "file", "data"), true)).toThrow(
    `The data directory ${join(root, "file", "data")} cannot be written: ENOTDIR: not a directory`,
  );
  // What the system allows and SQLite refuses is told as SQLite tells it.
  mkdirSync(join(root, "odd", ".lock"), { recursive: true });
  expect(() => lockDataDir(join(root, "odd"), true)).toThrow("unable to open database file");
});
