import type { Part } from "./parts.ts";

/** What each tier needs from the test bed (spec chapter 11, Tiers). */
export const tiers = {
  unit: [],
  engine: ["duckdb-extensions", "postgresql", "s3-server"],
  store: ["s3-server", "s3-controls"],
  cluster: ["duckdb-extensions", "postgresql", "s3-server"],
  kube: ["kubernetes", "kubectl-helm"],
} as const satisfies Record<string, readonly Part[]>;

export type Tier = keyof typeof tiers;
