import { glob, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { SourceError } from "../../ports/source.ts";
import { globPrefix } from "./glob.ts";
import type { ObjectListing, SourceObject } from "./object-listing.ts";

/** Files of this host. `pattern` is a path with globs, or a directory, of which files with `extensions` are taken. */
export function localListing(pattern: string, extensions: readonly string[]): ObjectListing {
  const location = `file:${pattern}`;
  return {
    location,
    async list(signal) {
      const objects: SourceObject[] = [];
      try {
        for (const path of await expand(pattern, extensions)) {
          signal?.throwIfAborted();
          const info = await stat(path, { bigint: true });
          if (info.isFile()) objects.push({ path, tag: `${info.size}-${info.mtimeNs}-${info.ino}` });
        }
      } catch (error) {
        signal?.throwIfAborted();
        // That there is nothing is said by who asked.
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
        throw new SourceError(`${location} cannot be read: ${(error as Error).message}`, {
          cause: error,
          retryable: true,
        });
      }
      return objects.sort((a, b) => (a.path < b.path ? -1 : 1));
    },
    async authorize() {},
    async close() {},
  };
}

async function expand(pattern: string, extensions: readonly string[]): Promise<string[]> {
  let search = pattern;
  if (globPrefix(pattern) === pattern) {
    const info = await stat(pattern);
    if (!info.isDirectory()) return [resolve(pattern)];
    search = join(pattern, "**/*");
  }
  const found: string[] = [];
  for await (const path of glob(search)) {
    if (search === pattern || extensions.some((e) => path.endsWith(e))) found.push(resolve(path));
  }
  return found;
}
