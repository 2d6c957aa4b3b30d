import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheDir } from "../../scripts/testbed/provision.ts";
import { command } from "../local/command.ts";
import type { Cluster, Provider, UpOptions } from "./provider.ts";

const clusterName = (name: string) => `spice-${name}`;
const kubeconfigOf = (name: string) => join(cacheDir, "kind", `${name}.kubeconfig`);

/** Nodes in containers, by the user's own `kind` and docker. It does not end with its caller. */
export const kind: Provider = {
  name: "kind",

  async up(name: string, { nodes }: UpOptions): Promise<Cluster> {
    const there = (await command("kind", "get", "clusters")).split("\n").includes(clusterName(name));
    if (there) return kind.find(name);
    mkdirSync(join(cacheDir, "kind"), { recursive: true });
    const roles = ["control-plane", ...Array.from({ length: nodes }, () => "worker")];
    const config = join(cacheDir, "kind", `${name}.json`);
    writeFileSync(
      config,
      JSON.stringify({
        kind: "Cluster",
        apiVersion: "kind.x-k8s.io/v1alpha4",
        nodes: roles.map((role) => ({ role })),
      }),
    );
    const options = ["--name", clusterName(name), "--kubeconfig", kubeconfigOf(name), "--config", config];
    await command("kind", "create", "cluster", ...options, "--wait", "180s");
    return kind.find(name);
  },

  async find(name: string): Promise<Cluster> {
    const kubeconfig = kubeconfigOf(name);
    await command("kind", "export", "kubeconfig", "--name", clusterName(name), "--kubeconfig", kubeconfig);
    return {
      kubeconfig,
      loadImage: async (archive) => {
        await command("kind", "load", "image-archive", archive, "--name", clusterName(name));
      },
    };
  },

  async down(name: string): Promise<void> {
    await command(
      "kind",
      "delete",
      "cluster",
      "--name",
      clusterName(name),
      "--kubeconfig",
      kubeconfigOf(name),
    );
  },
};
