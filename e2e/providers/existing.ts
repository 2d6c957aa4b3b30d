import { homedir } from "node:os";
import { join } from "node:path";
import { command } from "../local/command.ts";
import type { Cluster, Provider } from "./provider.ts";

/**
 * The cluster of `KUBECONFIG`, which is neither made nor ended. `LOAD_IMAGE` is the command that gives its nodes an image
 * archive, such as `minikube image load`.
 */
export const existing: Provider = {
  name: "existing",
  up: () => existing.find(""),

  async find(): Promise<Cluster> {
    return {
      kubeconfig: process.env["KUBECONFIG"] ?? join(homedir(), ".kube", "config"),
      loadImage: async (archive) => {
        const [program, ...args] = process.env["LOAD_IMAGE"]?.split(" ") ?? [];
        if (program === undefined)
          throw new Error(
            "set LOAD_IMAGE to the command that loads an image archive, e.g. minikube image load",
          );
        await command(program, ...args, archive);
      },
    };
  },

  async down(): Promise<void> {},
};
