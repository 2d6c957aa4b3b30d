import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { command } from "../local/command.ts";
import type { Cluster, Provider } from "./provider.ts";

/** What `LOAD_IMAGE` says when nodes have the images, or pull them by their names. */
const noNeed = "none";

/**
 * The cluster of `KUBECONFIG`, which is neither made nor ended. `LOAD_IMAGE` is the command that gives its nodes an image
 * archive, whose path is put behind it, such as `minikube image load`; or `none`.
 */
export const existing: Provider = {
  name: "existing",
  up: () => existing.find(""),

  async find(): Promise<Cluster> {
    const kubeconfig = process.env["KUBECONFIG"] ?? join(homedir(), ".kube", "config");
    if (!existsSync(kubeconfig)) throw new Error(`KUBECONFIG=${kubeconfig}: there is no such file`);
    return { kubeconfig, loadImage };
  },

  async down(): Promise<void> {},
};

async function loadImage(archive: string): Promise<void> {
  const order = process.env["LOAD_IMAGE"]?.trim() ?? "";
  if (order === noNeed) return;
  const [program = "", ...args] = order.split(/\s+/);
  if (program === "")
    throw new Error(
      `set LOAD_IMAGE to the command that loads an image archive, e.g. LOAD_IMAGE="minikube image load", or to ${noNeed}`,
    );
  await command(program, ...args, archive);
}
