import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { removeCgroup } from "./cgroups.ts";
import { isKept, readState } from "./state.ts";

/** Remove what a cluster without processes leaves: its cgroups and its directory. Mounts and networks ended with it. */
export async function clearCluster(dir: string): Promise<void> {
  for (const cgroup of readState(dir)?.cgroups ?? []) await removeCgroup(cgroup);
  await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

/** Clear up after clusters below `home` whose keeper was killed. */
export async function clearAbandoned(home: string): Promise<void> {
  mkdirSync(home, { recursive: true });
  for (const name of readdirSync(home)) {
    const dir = join(home, name);
    const state = readState(dir);
    // One without a state is just being made.
    if (state !== undefined && !isKept(state) && existsSync(dir)) await clearCluster(dir);
  }
}
