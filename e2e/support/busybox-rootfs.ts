import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";

/** Debian's, which needs no library. */
export const busybox = "/bin/busybox";

/** Fill an empty directory with a shell and the usual tools. */
export function busyboxRootfs(root: string): void {
  if (!existsSync(busybox))
    throw new Error(`${busybox} is not there: install the Debian package busybox-static`);
  for (const folder of ["bin", "tmp", "etc"]) mkdirSync(join(root, folder), { recursive: true });
  copyFileSync(busybox, join(root, "bin", "busybox"));
  for (const name of execFileSync(busybox, ["--list"], { encoding: "utf8" }).trim().split("\n"))
    if (name !== "busybox") symlinkSync("busybox", join(root, "bin", name));
}
