import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { aptInstall } from "../testbed/apt.ts";
import { MissingToolError } from "../testbed/build.ts";
import type { Builder } from "./builder.ts";

const busybox = "/bin/busybox";

/**
 * Builds a base from files of this machine, for one that reaches no registry of images: the Node of `node_modules`, the
 * libraries that it loads, and Debian's static busybox as shell. Answers its name.
 */
export function buildLocalBase(builder: Builder, root: string): string {
  if (spawnSync(busybox, ["true"]).status !== 0) aptInstall("busybox-static");
  if (process.platform !== "linux") throw new MissingToolError("a base from local files needs Linux");
  const name = `localhost/spice-node-base:${process.versions.node}`;
  if (builder.has(name)) return name;
  const node = realpathSync(join(root, "node_modules", ".bin", "node"));
  const context = mkdtempSync(join(tmpdir(), "node-base-"));
  try {
    const add = (from: string, to: string) => {
      mkdirSync(join(context, "rootfs", dirname(to)), { recursive: true });
      copyFileSync(from, join(context, "rootfs", to));
    };
    add(node, "/usr/local/bin/node");
    for (const [, library] of execFileSync("ldd", [node], { encoding: "utf8" }).matchAll(/(\/\S+) \(0x/g))
      add(library as string, library as string);
    add(busybox, busybox);
    for (const name of execFileSync(busybox, ["--list"], { encoding: "utf8" }).trim().split("\n"))
      if (name !== "busybox") symlinkSync("busybox", join(context, "rootfs", "bin", name));
    writeFileSync(join(context, "Dockerfile"), "FROM scratch\nCOPY rootfs /\n");
    builder.build({ dockerfile: join(context, "Dockerfile"), context, name, arguments: {} });
    return name;
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}
