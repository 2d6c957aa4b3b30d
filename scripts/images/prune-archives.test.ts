import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { pruneArchives } from "./prune-archives.ts";

const now = Date.UTC(2030, 0, 2);
const minuteMs = 60_000;
let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "prune-"));
});
afterEach(() => rmSync(cache, { recursive: true, force: true }));

function folder(name: string, unusedMinutes: number): string {
  const dir = join(cache, name);
  mkdirSync(dir);
  writeFileSync(join(dir, "spiced.tar"), "");
  const at = (now - unusedMinutes * minuteMs) / 1000;
  utimesSync(dir, at, at);
  return dir;
}

test("archives go that nobody used for a day, and all but three that were not used within the hour", () => {
  const used = folder("archives-used", 100_000);
  for (const [name, minutes] of Object.entries({ a: 90, b: 120, c: 150, d: 180, e: 600, f: 1500 }))
    folder(`archives-${name}`, minutes);
  folder(".archives-broken", 2000);
  folder(".archives-being-made", 1);
  folder("modules-old", 100_000);
  const removed = pruneArchives(used, "archives", now);
  expect([...removed].sort()).toEqual([
    ".archives-broken",
    "archives-c",
    "archives-d",
    "archives-e",
    "archives-f",
  ]);
  expect(readdirSync(cache).sort()).toEqual([
    ...[".archives-being-made", "archives-a", "archives-b", "archives-used", "modules-old"],
  ]);
  expect(statSync(used).mtimeMs).toBe(now);
  expect(pruneArchives(used, "archives", now)).toEqual([]);
});

test("many that were used within the hour stay: runs of other clones load them", () => {
  const used = folder("archives-used", 0);
  for (let i = 1; i <= 6; i++) folder(`archives-${i}`, i * 9);
  expect(pruneArchives(used, "archives", now)).toEqual([]);
});
