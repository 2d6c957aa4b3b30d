import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { busyboxRootfs } from "./busybox-rootfs.ts";
import { copyProgram } from "./copy-program.ts";
import { packImage } from "./pack-image.ts";
import { writeStoryData } from "./story-data.ts";

export const s3Image = "localhost/story-s3:1";

/** An image of an S3 server that has the story's objects; answers its archive and the answer to the story's query. */
export async function makeS3Image(dir: string): Promise<{ archive: string; truth: string }> {
  const server = process.env["TEST_VERSITYGW"];
  if (server === undefined) throw new Error("TEST_VERSITYGW is not set; run: make test TIER=pods");
  const root = mkdtempSync(join(dir, ".s3-"));
  try {
    chmodSync(root, 0o755);
    busyboxRootfs(root);
    copyProgram(root, server, "/usr/local/bin/versitygw");
    const truth = await writeStoryData(join(root, "objects"));
    const archive = join(dir, "s3.tar");
    const start = "cp -r /objects /tmp/s3 && exec versitygw --port :7070 posix /tmp/s3";
    await packImage(root, { name: s3Image, entrypoint: ["/bin/sh", "-c", start], user: "65532" }, archive);
    return { archive, truth };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
