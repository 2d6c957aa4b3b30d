import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { duckdbVersion, parts } from "../testbed/parts.ts";
import type { Image } from "./image-list.ts";
import { productionModules } from "./production-modules.ts";
import { type InstalledPackage, sbomOf } from "./sbom.ts";

/** Where the programs of an image lie, which `/usr/local/bin` links to. */
const library = "../lib/spice";

/** Write the build context of an image to `dist/images/{workspace}`: all that its Dockerfile copies. */
export function prepareContext(image: Image, root: string, cacheDir: string): string {
  const context = join(root, "dist", "images", image.workspace);
  rmSync(context, { recursive: true, force: true });
  mkdirSync(join(context, "bin"), { recursive: true });
  cpSync(join(import.meta.dirname, "node-rootfs.sh"), join(context, "node-rootfs.sh"));

  const modules = productionModules(cacheDir, root, image.workspace);
  const copyModules = (from: string, to: string) =>
    cpSync(join(from, "node_modules"), join(to, "node_modules"), { recursive: true, verbatimSymlinks: true });
  copyModules(modules, context);
  for (const name of image.workspaces) {
    const target = join(context, "app", name);
    cpSync(join(root, name, "dist"), join(target, "dist"), { recursive: true });
    cpSync(join(root, name, "package.json"), join(target, "package.json"));
    if (existsSync(join(modules, name, "node_modules"))) copyModules(join(modules, name), target);
  }
  writeFileSync(join(context, "app", "sbom.cdx.json"), billOfMaterials(image, root, modules));
  copyPrograms(image, root, context);
  if (image.extensions.length > 0) copyExtensions(image, context, cacheDir);
  return context;
}

function billOfMaterials({ repository, extensions }: Image, root: string, modules: string): string {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const lock = JSON.parse(readFileSync(join(modules, "node_modules", ".package-lock.json"), "utf8")) as {
    packages: Record<string, InstalledPackage>;
  };
  return sbomOf({ name: repository, version }, lock.packages, [
    { name: "node", version: process.versions.node, license: "MIT" },
    ...extensions.map((name) => ({ name: `duckdb-${name}`, version: duckdbVersion, license: "MIT" })),
  ]);
}

/** The image has no `env` that could look for Node. */
function copyPrograms(image: Image, root: string, context: string): void {
  const { workspace, programs } = image;
  const target = join(context, "app", workspace, "bin");
  cpSync(join(root, workspace, "bin"), target, { recursive: true });
  for (const name of programs) {
    const text = readFileSync(join(target, `${name}.mjs`), "utf8");
    const direct = text.replace(/^#!.*\n/, "#!/usr/local/bin/node --enable-source-maps\n");
    if (direct === text) throw new Error(`${workspace}/bin/${name}.mjs does not begin with #!`);
    writeFileSync(join(target, `${name}.mjs`), direct, { mode: 0o755 });
    symlinkSync(join(library, workspace, "bin", `${name}.mjs`), join(context, "bin", name));
  }
}

function copyExtensions(image: Image, context: string, cacheDir: string): void {
  const { SPICED_EXTENSION_DIR: source } = parts["duckdb-extensions"](cacheDir);
  for (const name of image.extensions) {
    const file = `${name}.duckdb_extension`;
    cpSync(join(source, file), join(context, "extensions", file));
  }
}
