import { mkdir, open, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { StorageConflictError } from "../../ports/accelerator.ts";

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process started, as the kernel counts it: a number that comes back for another process differs. */
  readonly started: string;
}

/**
 * Hold a data directory for this process: two executors over the same files would destroy each other's versions.
 * A lock whose process is gone is taken over. Throws {@link StorageConflictError} while another process lives.
 * Returns what to call to release it; safe to call twice.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  await mkdir(directory, { recursive: true });
  const file = join(directory, ".lock");
  const me: Holder = { pid: process.pid, host: hostname(), started: await startOf(process.pid) };
  for (let attempt = 1; ; attempt++) {
    try {
      const handle = await open(file, "wx");
      try {
        await handle.writeFile(JSON.stringify(me));
        await handle.sync();
      } finally {
        await handle.close();
      }
      let held = true;
      return async () => {
        if (!held) return;
        held = false;
        await rm(file, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt === 3) throw error;
    }
    const holder = await read(file);
    if (holder !== undefined && (await lives(holder))) {
      throw new StorageConflictError(
        "Locked",
        `The data directory ${directory} is in use by process ${holder.pid} on ${holder.host}. Stop it, or give this node another directory.`,
      );
    }
    await rm(file, { force: true });
  }
}

async function read(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Holder;
  } catch (error) {
    // Gone meanwhile, or cut off by a crash while it was written.
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || (error as Error).name === "SyntaxError")
      return undefined;
    throw error;
  }
}

async function lives(holder: Holder): Promise<boolean> {
  // A pod keeps its volume and changes its host name or process: only a process of this host can be looked up.
  if (holder.host !== hostname()) return false;
  if (holder.pid === process.pid) return holder.started === (await startOf(process.pid));
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  return holder.started === "" || holder.started === (await startOf(holder.pid));
}

/** The start time of a process from `/proc`, empty where there is none. */
async function startOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return ""; // No /proc on this system, or no such process: the number alone decides.
  }
}
