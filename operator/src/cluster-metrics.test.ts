import { expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { clusterMetrics } from "./cluster-metrics.ts";

const condition = (type: "Ready" | "Degraded", status: "True" | "False") => ({
  ...{ type, status, reason: "AsExpected" as const, message: "" },
  lastTransitionTime: "2030-01-01T00:00:00Z",
});

test("follows a cluster's status, and forgets it with the cluster", async () => {
  const registry = new Registry();
  const metrics = clusterMetrics(registry);
  const certificates = {
    rootCertificateExpiresAt: "2040-01-01T00:00:00Z",
    leafCertificatesExpireAt: "2030-04-01T00:00:00Z",
  };
  metrics.seen("data/sales", {
    certificates,
    conditions: [condition("Ready", "True"), condition("Degraded", "False")],
    summary: { executors: "2/3" },
  });
  const lines = async () =>
    (await registry.metrics()).split("\n").filter((line) => line.startsWith("spiceai"));
  const cluster = 'namespace="data",cluster="sales"';
  expect(await lines()).toEqual([
    `spiceai_operator_cluster_ca_expiry_timestamp_seconds{${cluster}} 2208988800`,
    `spiceai_operator_cluster_leaf_expiry_timestamp_seconds{${cluster}} 1901232000`,
    `spiceai_operator_cluster_condition{${cluster},type="Ready"} 1`,
    `spiceai_operator_cluster_condition{${cluster},type="Degraded"} 0`,
    `spiceai_operator_cluster_condition{${cluster},type="CertificatesReady"} 0`,
    `spiceai_operator_cluster_condition{${cluster},type="ConfigValid"} 0`,
    `spiceai_operator_cluster_executors{${cluster},state="ready"} 2`,
    `spiceai_operator_cluster_executors{${cluster},state="wanted"} 3`,
  ]);
  // Without mTLS nothing expires.
  metrics.seen("data/sales", {});
  expect((await lines()).filter((line) => line.includes("expiry"))).toEqual([]);
  metrics.forget("data/sales");
  expect(await lines()).toEqual([]);
});
