import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { eventually } from "../../kube/test/support/wait.ts";
import { ClientPod } from "../support/client-pod.ts";
import { Kubectl } from "../support/kubectl.ts";
import { startS3Pod } from "../support/s3-pod.ts";
import { podsOf, reasonOf, sales, salesResource, settled, spicepodOf } from "../support/sales.ts";

const system = new Kubectl("spice-system");
const data = new Kubectl("story-data");
const cluster = new Kubectl("default");
const chart = join(import.meta.dirname, "..", "..", "charts", "spiceai-operator");
const ofCluster = "spice.ai/cluster=sales";
const operators = "app.kubernetes.io/name=spiceai-operator";
const figures: string[] = [];
let client: ClientPod | undefined;

beforeAll(async () => {
  await cluster.apply({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "story-data", labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
  });
  await startS3Pod(data);
}, 180_000);

afterAll(async () => {
  console.log(figures.join("\n"));
  await cluster.run("delete", "namespace", "story-data", "--ignore-not-found", "--timeout=200s");
  await system.helm("uninstall", "spiceai-operator", "--wait", "--ignore-not-found");
}, 300_000);

/** The steps follow each other; one that fails shows what there was. */
function step(what: string, run: () => Promise<void>): void {
  test(what, async () => {
    const began = performance.now();
    try {
      await run();
    } catch (error) {
      console.log(`${await data.bundle()}\n${await system.bundle()}`);
      throw error;
    }
    figures.push(`${((performance.now() - began) / 1000).toFixed(1)} s  ${what}`);
  }, 420_000);
}

/** What the client was told meanwhile. No answer is ever wrong, and in the end there are right ones. */
async function answers(what: string, promise: "none fails" | "some may fail"): Promise<void> {
  const counts = await client?.phase(10);
  figures.push(`  ${what}: ${JSON.stringify(counts)}`);
  expect({ what, ...counts }).toMatchObject({ what, wrong: 0 });
  if (promise === "none fails") expect({ what, ...counts }).toMatchObject({ failed: 0, last: "" });
  const after = await client?.phase(5);
  expect({ what, ...after }).toMatchObject({ what, wrong: 0, failed: 0, last: "" });
}

const patch = (spec: object) =>
  data.run("patch", sales, "--type=merge", `--patch=${JSON.stringify({ spec })}`);
const installed = () =>
  system.helm(
    "upgrade",
    "--install",
    "spiceai-operator",
    chart,
    "--create-namespace",
    "--wait",
    "--timeout=240s",
  );
const scale = (count: number) => data.run("scale", sales, `--replicas=${count}`);

step("the chart is installed and its operators become ready", async () => {
  await installed();
  const ready = ["--output=jsonpath={.status.readyReplicas}"];
  expect(await system.run("get", "deployment/spiceai-operator", ...ready)).toBe("2");
});

step("a namespace that enforces the restricted standard refuses other pods", async () => {
  const containers = [{ name: "free", image: "ghcr.io/spiceai/spiced:0.1.0" }];
  const free = { apiVersion: "v1", kind: "Pod", metadata: { name: "free" }, spec: { containers } };
  await expect(data.apply(free)).rejects.toThrow(/violates PodSecurity "restricted/);
});

step("a SpicepodCluster becomes ready and answers through its service", async () => {
  await data.apply(salesResource);
  await data.run("wait", "--for=condition=Ready", sales, "--timeout=300s");
  await settled(data, 3);
  client = await ClientPod.start(data, "sales");
  const counts = await client.phase(10);
  expect(counts).toMatchObject({ wrong: 0, failed: 0 });
  expect(counts.right).toBeGreaterThan(0);
});

step("a dataset that is added to the spicepod is loaded without a new pod", async () => {
  const before = await data.podUids(ofCluster);
  await patch({ schedulerSpec: { spicepod: spicepodOf("events", "more_events") } });
  const ask = `fetch("http://sales:8090/v1/sql", { method: "POST", body: "SELECT count(*) AS n FROM more_events" })
    .then(async (answer) => console.log(answer.status, await answer.text()))`;
  await eventually(
    "an answer from the new dataset",
    async () =>
      /^200 .*\b120000\b/s.test(await data.run("exec", "client", "--", "/usr/local/bin/node", "-e", ask)),
    { timeoutMs: 240_000, everyMs: 2000 },
  );
  await settled(data, 3);
  await answers("spicepod changed", "none fails");
  expect(await data.podUids(ofCluster)).toEqual(before);
});

step("an image that does not exist stops the rollout at its canary, and the old one heals it", async () => {
  const before = await data.podUids(ofCluster);
  await patch({ executorSpec: { image: { tag: "no-such-tag" } } });
  expect(await reasonOf(data, "Degraded", "True")).toBe("RolloutStopped");
  const pods = await podsOf(data, "executor");
  expect(pods).toEqual({
    "sales-executor-0-0": true,
    "sales-executor-1-0": true,
    "sales-executor-2-0": false,
  });
  await answers("broken image", "some may fail");
  await patch({ executorSpec: { image: { tag: null } } });
  await settled(data, 3);
  await answers("reverted image", "some may fail");
  const after = await data.podUids(ofCluster);
  expect({ ...after, "sales-executor-2-0": "" }).toEqual({ ...before, "sales-executor-2-0": "" });
});

step("a changed template is rolled out over executors and schedulers", async () => {
  const before = new Set(Object.values(await data.podUids(ofCluster)));
  const env = [{ name: "STORY", value: "rolled-out" }];
  await patch({ executorSpec: { env }, schedulerSpec: { env } });
  await eventually(
    "all pods to be new",
    async () => Object.values(await data.podUids(ofCluster)).every((uid) => !before.has(uid)),
    { timeoutMs: 300_000, everyMs: 1000 },
  );
  await settled(data, 3);
  await answers("rollout", "some may fail");
});

step("operators that are killed in the middle of a scale-up finish it", async () => {
  await scale(4);
  await system.run("delete", "pods", `--selector=${operators}`, "--force", "--grace-period=0");
  await settled(data, 4);
  await answers("operators killed", "none fails");
  await system.run("rollout", "status", "deployment/spiceai-operator", "--timeout=180s");
});

step("the root is rotated while its nodes run", async () => {
  const before = await data.podUids(ofCluster);
  const bundle = async () =>
    await data.run("get", "secret/sales-executor-0-tls", "--output=jsonpath={.data.ca\\.crt}");
  const old = Buffer.from(await bundle(), "base64").toString();
  await data.run("annotate", sales, "spice.ai/rotate-root=once");
  await eventually(
    "another root alone to be trusted",
    async () => {
      const now = Buffer.from(await bundle(), "base64").toString();
      return !now.includes(old.trim()) && now.split("BEGIN CERTIFICATE").length === 2;
    },
    { timeoutMs: 360_000, everyMs: 1000 },
  );
  await settled(data, 4);
  await answers("root rotated", "none fails");
  expect(await data.podUids(ofCluster)).toEqual(before);
});

step("pods that are killed and a node that is drained come back elsewhere", async () => {
  await data.run("delete", "pod/sales-executor-1-0", "--force", "--grace-period=0");
  await settled(data, 4);
  await answers("executor killed", "some may fail");
  const node = await data.run("get", "pod/sales-executor-0-0", "--output=jsonpath={.spec.nodeName}");
  await cluster.run("drain", node, "--delete-emptydir-data", "--timeout=280s", `--pod-selector=${ofCluster}`);
  await settled(data, 4);
  await cluster.run("uncordon", node);
  const moved = await data.run("get", "pod/sales-executor-0-0", "--output=jsonpath={.spec.nodeName}");
  expect(moved).not.toBe(node);
  await answers("node drained", "some may fail");
});

step("neither an operator that restarts nor a chart that is installed again changes a pod", async () => {
  const before = await data.podUids(ofCluster);
  expect(Object.keys(before)).toHaveLength(6);
  await system.run("rollout", "restart", "deployment/spiceai-operator");
  await system.run("rollout", "status", "deployment/spiceai-operator", "--timeout=240s");
  await installed();
  await answers("operator restarted", "none fails");
  expect(await data.podUids(ofCluster)).toEqual(before);
});

step("it scales to 5 executors and down to 2", async () => {
  for (const count of [5, 2]) {
    await scale(count);
    await settled(data, count);
    await answers(`scaled to ${count}`, "none fails");
  }
  const { items } = await data.get<{ items: unknown[] }>("pvc");
  expect(items).toHaveLength(2);
});

step("a deleted cluster takes its pods along and leaves its volumes", async () => {
  await data.run("delete", sales, "--wait=true", "--timeout=200s");
  await eventually(
    "the pods to be gone",
    async () => Object.keys(await data.podUids(ofCluster)).length === 0,
    { timeoutMs: 200_000, everyMs: 1000 },
  );
  const { items } = await data.get<{ items: unknown[] }>("pvc");
  expect(items).toHaveLength(2);
});
