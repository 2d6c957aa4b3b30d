import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { busyboxRootfs } from "../support/busybox-rootfs.ts";
import { packImage } from "../support/pack-image.ts";
import { sandboxImage } from "./layout.ts";

/** Process 1 of every pod, which holds its network: waits to be told to end. */
const script = "trap 'exit 0' TERM INT; while :; do sleep 86400 & wait $!; done";

/** Write the archive of {@link sandboxImage} into `dir`. */
export async function makeSandboxImage(dir: string): Promise<string> {
  const root = mkdtempSync(join(dir, ".sandbox-"));
  try {
    busyboxRootfs(root);
    const archive = join(dir, "sandbox.tar");
    await packImage(root, { name: sandboxImage, entrypoint: ["/bin/sh", "-c", script] }, archive);
    return archive;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
