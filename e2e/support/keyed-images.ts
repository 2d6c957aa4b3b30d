import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pruneArchives } from "../../scripts/images/prune-archives.ts";
import { build, run } from "../../scripts/testbed/build.ts";

const prefix = "image-archives";
const root = join(import.meta.dirname, "..", "..");
/** All that images are made of. */
const sources = [
  ...["package.json", "package-lock.json", "Dockerfile.*", "scripts/images/*", "*/package.json", "*/bin/*"],
  "{spicepod,certificates,proto,kube,runtime,operator}/dist/**/*.js",
];

/** Archives of this clone's images, built when there are none of the same sources in the cache. */
export function projectImages(cacheDir: string): { readonly runtime: string; readonly operator: string } {
  const hash = createHash("sha256");
  for (const file of globSync(sources, { cwd: root, exclude: ["node_modules", "**/node_modules"] }).sort())
    hash
      .update(file)
      .update("\0")
      .update(readFileSync(join(root, file)))
      .update("\0");
  const dir = build(cacheDir, prefix, [hash.digest("hex")], (target) => {
    const script = join(root, "scripts", "images", "build.ts");
    run(process.execPath, [script, "--base", "local", "--archives", target]);
  });
  pruneArchives(dir, prefix);
  return { runtime: join(dir, "spiced.tar"), operator: join(dir, "spiceai-operator.tar") };
}
