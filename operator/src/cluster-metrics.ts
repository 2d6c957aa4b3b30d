import { Gauge, type Registry } from "prom-client";
import type { SpicepodClusterStatus } from "./api/status.ts";

/** What the operator says of each cluster; the same as its status. */
export interface ClusterMetrics {
  /** Follows a status; `key` is `namespace/name`. */
  seen(key: string, status: SpicepodClusterStatus): void;
  forget(key: string): void;
  forgetAll(): void;
}

/** Conditions that alerts are about. */
const shown = ["Ready", "Degraded", "CertificatesReady", "ConfigValid"] as const;
const states = ["ready", "wanted"] as const;

/** Registers `spiceai_operator_cluster_…`; every series has the labels namespace and cluster. */
export function clusterMetrics(registry: Registry): ClusterMetrics {
  const gauge = <L extends string>(name: string, help: string, ...labels: L[]) =>
    new Gauge({
      name: `spiceai_operator_cluster_${name}`,
      help,
      labelNames: ["namespace", "cluster", ...labels],
      registers: [registry],
    });
  const ca = gauge("ca_expiry_timestamp_seconds", "When the root of a cluster's certificates expires.");
  const leaf = gauge(
    "leaf_expiry_timestamp_seconds",
    "When the first certificate of a cluster's nodes expires.",
  );
  const condition = gauge("condition", "1 for conditions of a cluster that are True.", "type");
  const executors = gauge("executors", "Executors of a cluster that are ready, and those wanted.", "state");
  const setOrRemove = (one: typeof ca, labels: Record<"namespace" | "cluster", string>, time?: string) =>
    time === undefined ? one.remove(labels) : one.set(labels, Date.parse(time) / 1000);
  return {
    seen(key, { certificates, conditions = [], summary }) {
      const labels = labelsOf(key);
      setOrRemove(ca, labels, certificates?.rootCertificateExpiresAt);
      setOrRemove(leaf, labels, certificates?.leafCertificatesExpireAt);
      for (const type of shown) {
        const holds = conditions.some((each) => each.type === type && each.status === "True");
        condition.set({ ...labels, type }, holds ? 1 : 0);
      }
      const counts = (summary?.executors ?? "").split("/").map(Number);
      for (const [i, state] of states.entries()) executors.set({ ...labels, state }, counts[i] ?? 0);
    },
    forget(key) {
      const labels = labelsOf(key);
      for (const one of [ca, leaf]) one.remove(labels);
      for (const type of shown) condition.remove({ ...labels, type });
      for (const state of states) executors.remove({ ...labels, state });
    },
    forgetAll() {
      for (const one of [ca, leaf, condition, executors]) one.reset();
    },
  };
}

/** The labels of a cluster by its key, `namespace/name`. */
export function labelsOf(key: string): { readonly namespace: string; readonly cluster: string } {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), cluster: key.slice(slash + 1) };
}
