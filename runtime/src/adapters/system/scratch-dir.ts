import { mkdir, readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

/**
 * A directory below `root` for this process's short-lived files. Removes what processes of this host that no longer
 * live left there: they were killed before they could. Remove it on a clean shutdown.
 */
export async function openScratchDir(root: string, role: string): Promise<string> {
  const host = hostname().replaceAll(/[^\w.-]/g, "_");
  const own = `${role}-${host}-${process.pid}`;
  await mkdir(root, { recursive: true });
  for (const name of await readdir(root)) {
    const match = /^(?:scheduler|executor)-(.+)-(\d+)$/.exec(name);
    if (match?.[1] !== host || (name !== own && isAlive(Number(match[2])))) continue;
    await rm(join(root, name), { recursive: true, force: true });
  }
  const path = join(root, own);
  await mkdir(path, { recursive: true });
  return path;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
