/**
 * `node scripts/images/build.ts [runtime] [operator] [--base REFERENCE|local] [--prefix REPOSITORY] [--tag TAG]
 * [--archives DIR]`: builds the images with docker, podman or buildah, and prints what they weigh.
 *
 * `--base local` packs a base from files of this machine. `--archives` also writes `{repository}.tar` files.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { MissingToolError } from "../testbed/build.ts";
import { cacheDir } from "../testbed/provision.ts";
import { findBuilder } from "./builder.ts";
import { prepareContext } from "./context.ts";
import { images } from "./image-list.ts";
import { buildLocalBase } from "./local-base.ts";
import { megabytesOf } from "./megabytes.ts";

const root = join(import.meta.dirname, "..", "..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    base: { type: "string" },
    prefix: { type: "string", default: "ghcr.io/spiceai/" },
    tag: { type: "string" },
    archives: { type: "string" },
  },
});
const unknown = positionals.find((name) => !images.some(({ workspace }) => workspace === name));
if (unknown !== undefined) {
  console.error(`There is no image ${unknown}: ${images.map(({ workspace }) => workspace).join(", ")}`);
  process.exit(2);
}

try {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const builder = findBuilder(root);
  const base = values.base === "local" ? buildLocalBase(builder, root) : values.base;
  const revision = execFileSync("git", ["rev-parse", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
  for (const image of images) {
    if (positionals.length > 0 && !positionals.includes(image.workspace)) continue;
    const context = prepareContext(image, root, cacheDir);
    const name = `${values.prefix}${image.repository}:${values.tag ?? version}`;
    builder.build({
      dockerfile: join(root, `Dockerfile.${image.workspace}`),
      context,
      name,
      arguments: { ...(base === undefined ? {} : { BASE: base }), VERSION: version, REVISION: revision },
    });
    const beyondNode = megabytesOf(context);
    console.log(`${name}: ${beyondNode} MB beyond Node, aim ${image.aimMegabytes} MB (${builder.name})`);
    if (values.archives !== undefined) {
      mkdirSync(values.archives, { recursive: true });
      const file = join(values.archives, `${image.repository}.tar`);
      // Skopeo's format refuses to write over a file.
      rmSync(`${file}.new`, { force: true });
      builder.save(name, `${file}.new`);
      renameSync(`${file}.new`, file);
      console.log(`${file}: ${megabytesOf(file)} MB in all`);
    }
  }
} catch (error) {
  if (!(error instanceof MissingToolError)) throw error;
  console.error(`The images cannot be built: ${error.message}`);
  process.exit(1);
}
