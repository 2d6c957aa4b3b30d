import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheDir } from "../../scripts/testbed/provision.ts";
import { command } from "../local/command.ts";
import type { Cluster, Provider, UpOptions } from "./provider.ts";

/** Runs a program and answers what it printed; a test puts its own in place. */
export type Run = (program: string, ...args: readonly string[]) => Promise<string>;

const clusterName = (name: string) => `spice-${name}`;

/** Nodes in containers, by the user's own `kind` and docker. They do not end with their caller. */
export const kind: Provider = kindProvider(command, join(cacheDir, "kind"));

/** The provider, with its files in `home`. */
export function kindProvider(run: Run, home: string): Provider {
  const kubeconfigOf = (name: string) => join(home, `${name}.kubeconfig`);
  const provider: Provider = {
    name: "kind",

    async up(name: string, { nodes }: UpOptions): Promise<Cluster> {
      const there = (await run("kind", "get", "clusters")).split("\n").includes(clusterName(name));
      if (there) return provider.find(name);
      mkdirSync(home, { recursive: true });
      const config = join(home, `${name}.json`);
      writeFileSync(config, JSON.stringify(kindConfig(nodes)));
      const files = ["--kubeconfig", kubeconfigOf(name), "--config", config];
      await run("kind", "create", "cluster", "--name", clusterName(name), ...files, "--wait", "180s");
      return provider.find(name);
    },

    async find(name: string): Promise<Cluster> {
      const kubeconfig = kubeconfigOf(name);
      await run("kind", "export", "kubeconfig", "--name", clusterName(name), "--kubeconfig", kubeconfig);
      return {
        kubeconfig,
        loadImage: async (archive) => {
          await run("kind", "load", "image-archive", archive, "--name", clusterName(name));
        },
      };
    },

    async down(name: string): Promise<void> {
      const files = ["--kubeconfig", kubeconfigOf(name)];
      await run("kind", "delete", "cluster", "--name", clusterName(name), ...files);
    },
  };
  return provider;
}

/** One control plane, and `nodes` that run pods. */
function kindConfig(nodes: number): object {
  const roles = ["control-plane", ...Array.from({ length: nodes }, () => "worker")];
  return {
    kind: "Cluster",
    apiVersion: "kind.x-k8s.io/v1alpha4",
    nodes: roles.map((role) => ({ role })),
  };
}
