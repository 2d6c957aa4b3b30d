import { readdirSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { basename, join } from "node:path";

const hourMs = 3_600_000;
/** Archives that nobody used for so long go. */
const longestUnusedMs = 24 * hourMs;
/** So many stay besides the one in use: clones of other branches that are worked on. */
const others = 3;

/**
 * Notes the use of an archive of images (half a gigabyte in the cache) and removes old ones: those not used for a day, and
 * all but three others unless they were used within the hour, since a run may be loading them. Answers what was removed.
 */
export function pruneArchives(used: string, prefix: string, nowMs = Date.now()): readonly string[] {
  const cacheDir = join(used, "..");
  utimesSync(used, nowMs / 1000, nowMs / 1000);
  const unused = readdirSync(cacheDir)
    .filter((name) => isArchive(name, prefix) && name !== basename(used))
    .flatMap((name) => {
      const at = statSync(join(cacheDir, name), { throwIfNoEntry: false })?.mtimeMs;
      return at === undefined ? [] : [{ name, ageMs: nowMs - at }];
    })
    .sort((a, b) => a.ageMs - b.ageMs)
    .filter(({ ageMs }, rank) => ageMs > longestUnusedMs || (rank >= others && ageMs > hourMs))
    .map(({ name }) => name);
  return unused.filter((name) => remove(cacheDir, name));
}

/** A finished one, or what an interrupted build or removal left. */
function isArchive(name: string, prefix: string): boolean {
  return [`${prefix}-`, `.${prefix}-`].some((start) => name.startsWith(start));
}

/** At once for everybody else: half of an archive is never found by its name. False when another process was faster. */
function remove(cacheDir: string, name: string): boolean {
  const going = name.startsWith(".") ? name : `.${name}-going-${process.pid}`;
  try {
    if (going !== name) renameSync(join(cacheDir, name), join(cacheDir, going));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
  rmSync(join(cacheDir, going), { recursive: true, force: true });
  return true;
}
