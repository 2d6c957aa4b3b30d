import { expect } from "@jest/globals";
import { eventually } from "../../kube/test/support/wait.ts";
import type { Kubectl } from "./kubectl.ts";
import { ordersDataset, passwordSecret } from "./postgres-pod.ts";
import { storyDataset, storyState } from "./s3-pod.ts";

/** The resource of the story. */
export const sales = "spicepodcluster/sales";

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

interface Sales {
  readonly metadata: { readonly generation: number };
  readonly status?: { readonly observedGeneration?: number; readonly conditions?: readonly Condition[] };
}

const acceleration = {
  enabled: true,
  engine: "duckdb",
  mode: "file",
  partition_by: ["bucket(10, customer_id)"],
};

/** An executor is lost after this time: shorter than usual, for the sake of the time that tests take. */
export const lostAfterMs = 10_000;

/** A spicepod over the story's objects, under these names, and the story's table. */
export const spicepodOf = (...names: readonly string[]) => ({
  version: "v1",
  kind: "Spicepod",
  name: "sales",
  runtime: { scheduler: { ...storyState("sales"), executor_lost_after: `${lostAfterMs / 1000}s` } },
  datasets: [
    ...names.map((name) => ({ ...storyDataset, name, acceleration })),
    { ...ordersDataset, acceleration },
  ],
});

/** Two schedulers that share their state, three executors with volumes. PostgreSQL's password is in a Secret. */
export const salesResource = {
  apiVersion: "spice.ai/v2",
  kind: "SpicepodCluster",
  metadata: { name: "sales" },
  spec: {
    schedulerSpec: {
      replicas: 2,
      spicepod: spicepodOf("events"),
      envFromSource: [{ secretRef: { name: passwordSecret } }],
    },
    executorSpec: {
      replicas: 3,
      volumeClaimTemplates: [
        { metadata: { name: "data" }, spec: { resources: { requests: { storage: "1Gi" } } } },
      ],
    },
  },
};

/** The condition of a type, once the operator has seen the present generation. */
export async function conditionOf(kubectl: Kubectl, type: string): Promise<Condition | undefined> {
  const { metadata, status } = await kubectl.get<Sales>(sales);
  if (status?.observedGeneration !== metadata.generation) return undefined;
  return status.conditions?.find((condition) => condition.type === type);
}

/** Pods of a role with whether they are ready. */
export async function podsOf(kubectl: Kubectl, role: string): Promise<Readonly<Record<string, boolean>>> {
  interface Pod {
    readonly metadata: { readonly name: string };
    readonly status: { readonly conditions?: readonly Condition[] };
  }
  const selector = `spice.ai/cluster=sales,spice.ai/cluster-role=${role}`;
  const { items } = await kubectl.get<{ items: readonly Pod[] }>("pods", "--selector", selector);
  return Object.fromEntries(
    items.map(({ metadata, status }) => [
      metadata.name,
      status.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true,
    ]),
  );
}

/** Waits until that many executors run and the operator has nothing left to do. */
export async function settled(kubectl: Kubectl, executors: number): Promise<void> {
  await eventually(
    `a cluster at rest with ${executors} executors`,
    async () => {
      const ready = await conditionOf(kubectl, "Ready");
      const progressing = await conditionOf(kubectl, "Progressing");
      const pods = Object.values(await podsOf(kubectl, "executor"));
      const schedulers = Object.values(await podsOf(kubectl, "scheduler"));
      return (
        ready?.status === "True" &&
        progressing?.status === "False" &&
        pods.length === executors &&
        [...pods, ...schedulers].every(Boolean) &&
        schedulers.length === 2
      );
    },
    { timeoutMs: 300_000, everyMs: 1000 },
  );
}

/** Waits for a condition of the resource and answers its reason. */
export async function reasonOf(kubectl: Kubectl, type: string, status: string): Promise<string> {
  const found = await eventually(
    `${type}=${status}`,
    async () => {
      const condition = await conditionOf(kubectl, type);
      return condition?.status === status && condition;
    },
    { timeoutMs: 300_000, everyMs: 1000 },
  );
  expect(found.message).toBeDefined();
  return found.reason ?? "";
}
