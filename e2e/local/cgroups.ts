import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const mount = "/sys/fs/cgroup";

/** Version 2 has one hierarchy; version 1 has one per controller. */
function hierarchies(): readonly string[] {
  if (existsSync(join(mount, "cgroup.controllers"))) return [mount];
  return readdirSync(mount, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(mount, entry.name, "cgroup.procs")))
    .map((entry) => join(mount, entry.name));
}

/** Make a cgroup in every hierarchy, fit for a kubelet to work below. */
export function makeCgroup(path: string): void {
  for (const hierarchy of hierarchies()) {
    const dir = join(hierarchy, path);
    mkdirSync(dir, { recursive: true });
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      // A new cpuset of version 1 is empty, and nothing runs in it.
      if (hierarchy !== mount && existsSync(join(hierarchy, file)))
        writeFileSync(join(dir, file), readFileSync(join(hierarchy, file)));
    }
    if (hierarchy === mount) {
      const controllers = readFileSync(join(mount, "cgroup.controllers"), "utf8").trim().split(" ");
      writeFileSync(join(dir, "cgroup.subtree_control"), controllers.map((name) => `+${name}`).join(" "));
    }
  }
}

/** Remove a cgroup and all below it; the processes in it have been ended. @throws Error after `limitMs` */
export async function removeCgroup(path: string, limitMs = 10_000): Promise<void> {
  const until = performance.now() + limitMs;
  for (const hierarchy of hierarchies()) {
    const dir = join(hierarchy, path);
    while (existsSync(dir)) {
      try {
        removeEmpty(dir);
      } catch (error) {
        // The kernel lets go of a cgroup a moment after its last process.
        if (performance.now() > until) throw error;
        await delay(100);
      }
    }
  }
}

function removeEmpty(dir: string): void {
  for (const entry of readdirSync(dir, { withFileTypes: true }))
    if (entry.isDirectory()) removeEmpty(join(dir, entry.name));
  rmdirSync(dir);
}
