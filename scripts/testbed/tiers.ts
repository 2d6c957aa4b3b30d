import type { Part } from "./parts.ts";

/** Real pods run on nodes of this machine, unless `PROVIDER` names another Kubernetes. */
const nodes: readonly Part[] =
  (process.env["PROVIDER"] ?? "local") === "local" ? ["node-packages", "kubernetes"] : [];

/** What each tier needs from the test bed (spec chapter 11, Tiers). */
export const tiers = {
  unit: [],
  engine: ["duckdb-extensions", "postgresql", "s3-server"],
  store: ["s3-server", "s3-controls"],
  cluster: ["duckdb-extensions", "postgresql", "s3-server"],
  kube: ["kubernetes", "kubectl-helm"],
  pods: [...nodes, "kubectl-helm", "s3-server", "postgresql", "duckdb-extensions"],
} as const satisfies Record<string, readonly Part[]>;

export type Tier = keyof typeof tiers;
