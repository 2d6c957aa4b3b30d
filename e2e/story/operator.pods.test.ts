import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { eventually } from "../../kube/test/support/wait.ts";
import { ClientPod } from "../support/client-pod.ts";
import { Kubectl } from "../support/kubectl.ts";
import { startS3Pod, storyDataset, storyState } from "../support/s3-pod.ts";

const system = new Kubectl("spice-system");
const data = new Kubectl("story-data");
const cluster = new Kubectl("default");
const chart = join(import.meta.dirname, "..", "..", "charts", "spiceai-operator");
const resource = "spicepodcluster/sales";
const executors = "spice.ai/cluster=sales,spice.ai/cluster-role=executor";
const ofCluster = "spice.ai/cluster=sales";
let client: ClientPod | undefined;

beforeAll(async () => {
  await cluster.apply({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "story-data", labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
  });
  await startS3Pod(data);
}, 120_000);

afterAll(async () => {
  await cluster.run("delete", "namespace", "story-data", "--ignore-not-found", "--timeout=100s");
  await system.helm("uninstall", "spiceai-operator", "--wait", "--ignore-not-found");
}, 180_000);

/** A step of the story: the steps follow each other, and one that fails shows what there was. */
function step(what: string, run: () => Promise<void>): void {
  test(what, async () => {
    try {
      await run();
    } catch (error) {
      console.log(await data.bundle());
      console.log(await system.bundle());
      throw error;
    }
  }, 240_000);
}

const installed = () =>
  system.helm(
    "upgrade",
    "--install",
    "spiceai-operator",
    chart,
    "--create-namespace",
    "--wait",
    "--timeout=150s",
  );

async function executorsReady(count: number): Promise<void> {
  await eventually(
    `${count} executors that have loaded all`,
    async () => {
      const { metadata, spec, status } = await data.get<Sales>(resource);
      const pods = Object.keys(await data.podUids(executors)).length;
      return (
        pods === count &&
        spec.executorSpec.replicas === count &&
        status?.observedGeneration === metadata.generation &&
        conditionOf(status, "Ready") === "True" &&
        conditionOf(status, "Progressing") !== "True"
      );
    },
    { timeoutMs: 220_000, everyMs: 1000 },
  );
}

interface Sales {
  readonly metadata: { readonly generation: number };
  readonly spec: { readonly executorSpec: { readonly replicas: number } };
  readonly status?: Status;
}

interface Status {
  readonly observedGeneration?: number;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

function conditionOf(status: Status | undefined, type: string): string | undefined {
  return status?.conditions?.find((condition) => condition.type === type)?.status;
}

step("the chart is installed and its operators become ready", async () => {
  await installed();
  expect(
    await system.run("get", "deployment/spiceai-operator", "--output=jsonpath={.status.readyReplicas}"),
  ).toBe("2");
});

step("a namespace that enforces the restricted standard refuses other pods", async () => {
  const free = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "free" },
    spec: { containers: [{ name: "free", image: "ghcr.io/spiceai/spiced:0.1.0" }] },
  };
  await expect(data.apply(free)).rejects.toThrow(/violates PodSecurity "restricted/);
});

step("a SpicepodCluster becomes ready and answers through its service", async () => {
  await data.apply({
    apiVersion: "spice.ai/v2",
    kind: "SpicepodCluster",
    metadata: { name: "sales" },
    spec: {
      schedulerSpec: {
        replicas: 2,
        spicepod: {
          version: "v1",
          kind: "Spicepod",
          name: "sales",
          runtime: { scheduler: storyState("sales") },
          datasets: [
            {
              ...storyDataset,
              acceleration: {
                enabled: true,
                engine: "duckdb",
                mode: "file",
                partition_by: ["bucket(10, customer_id)"],
              },
            },
          ],
        },
      },
      executorSpec: {
        replicas: 3,
        volumeClaimTemplates: [
          { metadata: { name: "data" }, spec: { resources: { requests: { storage: "1Gi" } } } },
        ],
      },
    },
  });
  await data.run("wait", "--for=condition=Ready", resource, "--timeout=180s");
  await executorsReady(3);
  client = await ClientPod.start(data, "sales");
  const counts = await client.phase(10);
  expect(counts).toMatchObject({ wrong: 0, failed: 0 });
  expect(counts.right).toBeGreaterThan(0);
});

step("scaled from 3 to 5 and down to 2, no answer is wrong and no query fails", async () => {
  for (const count of [5, 2]) {
    await data.run("scale", resource, `--replicas=${count}`);
    await executorsReady(count);
    expect({ count, ...(await client?.phase(10)) }).toMatchObject({ count, wrong: 0, failed: 0, last: "" });
  }
  const { items } = await data.get<{ items: unknown[] }>("pvc");
  expect(items).toHaveLength(2);
});

step("neither an operator that restarts nor a chart that is installed again changes a pod", async () => {
  const before = await data.podUids(ofCluster);
  expect(Object.keys(before)).toHaveLength(4);
  await system.run("rollout", "restart", "deployment/spiceai-operator");
  await system.run("rollout", "status", "deployment/spiceai-operator", "--timeout=150s");
  await installed();
  expect(await client?.phase(20)).toMatchObject({ wrong: 0, failed: 0 });
  expect(await data.podUids(ofCluster)).toEqual(before);
});

step("a deleted cluster takes its pods along and leaves its volumes", async () => {
  expect(await client?.phase(3)).toMatchObject({ wrong: 0, failed: 0 });
  await data.run("delete", resource, "--wait=true", "--timeout=120s");
  await eventually(
    "the pods to be gone",
    async () => Object.keys(await data.podUids(ofCluster)).length === 0,
    { timeoutMs: 120_000, everyMs: 1000 },
  );
  const { items } = await data.get<{ items: unknown[] }>("pvc");
  expect(items).toHaveLength(2);
});
