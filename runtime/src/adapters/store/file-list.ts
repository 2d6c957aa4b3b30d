import type { BigIntStats, Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { compareKeys } from "./keys.ts";

/**
 * The files below `root` whose key starts with `prefix`, in the order of their keys' UTF-8 bytes; one folder a level
 * is in memory at a time. A file that goes away meanwhile is left out.
 */
export async function* listFiles(
  root: string,
  prefix: string,
  hidden: string,
): AsyncGenerator<{ key: string; stats: BigIntStats }, void, undefined> {
  const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  // A prefix is any text; one that leads outside of the root names nothing.
  if (folder.split("/").some((segment) => segment === "." || segment === "..")) return;
  if (folder.startsWith("/") || folder.includes("//") || folder.includes("\0")) return;
  if (folder.startsWith(`${hidden}/`)) return;
  yield* walk(root, folder, prefix, hidden);
}

async function* walk(
  root: string,
  folder: string,
  prefix: string,
  hidden: string,
): AsyncGenerator<{ key: string; stats: BigIntStats }, void, undefined> {
  let entries: Dirent[];
  try {
    entries = await readdir(join(root, folder), { withFileTypes: true });
  } catch (error) {
    if (isGone(error)) return;
    throw error;
  }
  const keys = entries
    .filter((entry) => entry.isFile() || entry.isDirectory())
    // A folder sorts where its contents do: `a.txt` comes before `a/b`.
    .map((entry) => folder + entry.name + (entry.isDirectory() ? "/" : ""))
    .filter((key) => key.startsWith(prefix) && key !== `${hidden}/`)
    .sort(compareKeys);
  for (const key of keys) {
    if (key.endsWith("/")) {
      yield* walk(root, key, "", hidden);
      continue;
    }
    try {
      yield { key, stats: await stat(join(root, key), { bigint: true }) };
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

function isGone(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes(String((error as { code?: unknown } | null)?.code));
}
