import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { meetingPlaces } from "./layout.ts";

/** What is known of a local cluster: enough to end it and to clear up after it. */
export interface ClusterState {
  /** Of the keeper's process, with its start time in clock ticks: a later process may get the same number. */
  readonly pid: number;
  readonly born: string;
  readonly cgroups: readonly string[];
  readonly ready: boolean;
}

export function writeState(dir: string, state: ClusterState): void {
  const { state: file } = meetingPlaces(dir);
  writeFileSync(`${file}.new`, JSON.stringify(state));
  renameSync(`${file}.new`, file);
}

/** `undefined` when there is none. */
export function readState(dir: string): ClusterState | undefined {
  try {
    return JSON.parse(readFileSync(meetingPlaces(dir).state, "utf8")) as ClusterState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Since when a process runs; `undefined` when it does not, or waits to be reaped. */
export function birthOf(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
}

/** Whether the keeper of a cluster runs. */
export function isKept({ pid, born }: ClusterState): boolean {
  return birthOf(pid) === born;
}
