import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";

/** What an image starts as. */
export interface ImageConfig {
  /** `repository:tag`. */
  readonly name: string;
  readonly entrypoint: readonly string[];
  readonly user?: string;
}

/** Packs a directory as an image of one layer into an archive that `ctr images import` and `docker load` read. */
export async function packImage(root: string, config: ImageConfig, archive: string): Promise<void> {
  const work = mkdtempSync(join(dirname(archive), ".pack-"));
  try {
    const owner = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
    execFileSync("tar", [...owner, "-C", root, "-cf", join(work, "layer.tar"), "."]);
    const layer = await sha256(join(work, "layer.tar"));
    const description = {
      created: "1970-01-01T00:00:00Z",
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      config: {
        Env: ["PATH=/usr/local/bin:/bin"],
        Entrypoint: config.entrypoint,
        ...(config.user === undefined ? {} : { User: config.user }),
      },
      rootfs: { type: "layers", diff_ids: [`sha256:${layer}`] },
      history: [{ created: "1970-01-01T00:00:00Z" }],
    };
    writeFileSync(join(work, "config.json"), JSON.stringify(description));
    const manifest = [{ Config: "config.json", RepoTags: [config.name], Layers: ["layer.tar"] }];
    writeFileSync(join(work, "manifest.json"), JSON.stringify(manifest));
    const files = ["manifest.json", "config.json", "layer.tar"];
    execFileSync("tar", ["-C", work, "-cf", join(work, "archive"), ...files]);
    renameSync(join(work, "archive"), archive);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function sha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
