import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * When a process began, as a text that differs between two processes that had the same id one after the other;
 * `undefined` when there is no such process, or only its unreaped remains.
 */
export function processStart(pid: number): string | undefined {
  if (process.platform !== "linux") {
    const { stdout } = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" });
    const text = stdout.trim();
    return text === "" ? undefined : text;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold spaces; the fields after it are plain: state first, start time 20th.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
}

/** A process that must not be mistaken for a later one with the same id. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly start: string;
}

export function isAlive({ pid, start }: ProcessIdentity): boolean {
  return processStart(pid) === start;
}

/** Send a signal to exactly that process; nothing happens when it is gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
