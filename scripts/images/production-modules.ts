import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build, run } from "../testbed/build.ts";

const workspaces = ["spicepod", "certificates", "proto", "kube", "runtime", "operator"];
/** The platform of the images, whatever machine builds them. */
const platform = ["--os=linux", `--cpu=${process.arch}`, "--libc=glibc"];

/** What programs never read: types and source maps of packages are more than half of some. */
const unread = "**/node_modules/**/*.{d.ts,d.mts,d.cts,map}";

/**
 * The production dependencies of one workspace, as package-lock.json has them, in a folder of the cache: `node_modules`,
 * and `{workspace}/node_modules` where npm nests what another version shadows.
 */
export function productionModules(cacheDir: string, root: string, workspace: string): string {
  const manifests = ["package.json", ".npmrc", "package-lock.json"];
  manifests.push(...workspaces.map((name) => join(name, "package.json")));
  const key = [
    workspace,
    unread,
    ...platform,
    ...manifests.map((file) => readFileSync(join(root, file), "utf8")),
  ];
  return build(cacheDir, `image-modules-${workspace}`, key, (target) => {
    for (const name of workspaces) mkdirSync(join(target, name));
    for (const file of manifests) copyFileSync(join(root, file), join(target, file));
    const how = ["--no-save", "--ignore-scripts", "--prefer-offline", "--loglevel=error", ...platform];
    run("npm", ["install", ...how, "--omit=dev", `--workspace=@spice-shards/${workspace}`], { cwd: target });
    // Programs of packages are for people at a shell, which an image has not.
    rmSync(join(target, "node_modules", ".bin"), { recursive: true, force: true });
    for (const file of globSync(unread, { cwd: target })) rmSync(join(target, file));
  });
}
