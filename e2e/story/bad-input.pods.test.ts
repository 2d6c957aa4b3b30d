import { join } from "node:path";
import { afterAll, beforeAll, expect } from "@jest/globals";
import { createRoot, issueLeaf } from "@spice-shards/certificates";
import { eventually } from "../../kube/test/support/wait.ts";
import { argoHealth } from "../support/argo-health.ts";
import {
  badClusters,
  badNames,
  clusterOf,
  dataset,
  nobodysClass,
  rootsClass,
  rootsVolume,
  spicepodOf,
} from "../support/bad-clusters.ts";
import { saysAll } from "../support/conditions.ts";
import { expiredPod } from "../support/expired-pod.ts";
import { Kubectl } from "../support/kubectl.ts";
import { startS3Pod } from "../support/s3-pod.ts";
import { step } from "../support/step.ts";

/**
 * What users of a real Kubernetes are told of input that cannot work, word by word. All bad clusters stand side by side,
 * and one that works is changed for the worse again and again.
 */
const cluster = new Kubectl("default");
const system = new Kubectl("spice-system");
const bad = new Kubectl("bad-input");
const chart = join(import.meta.dirname, "..", "..", "charts", "spiceai-operator");
const well = "spicepodcluster/well";
const wellPods = "spice.ai/cluster=well";
const objects = [nobodysClass, rootsClass, rootsVolume];
const year = 365 * 86_400_000;
const long = { nowMs: Date.UTC(2020, 0, 1), validMs: year };

const install = () =>
  system.helm(
    ...["upgrade", "--install", "spiceai-operator", chart, "--create-namespace"],
    ...["--wait", "--timeout=240s"],
  );

beforeAll(async () => {
  const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
  await cluster.apply(
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "bad-input", labels } },
    ...objects,
  );
  const root = await createRoot("over", long);
  const leaf = await issueLeaf(root, { commonName: "executor", hosts: ["executor"] }, long);
  await Promise.all([install(), startS3Pod(bad)]);
  const works = clusterOf("well", { executor: { replicas: 2 }, spicepod: spicepodOf(dataset("events")) });
  await bad.apply(works, ...badClusters, ...expiredPod(root, leaf));
}, 300_000);

afterAll(async () => {
  await bad.run("delete", "spicepodclusters", "--all", "--wait=false");
  await bad.run("delete", "pods", "--all", "--force", "--grace-period=0");
  await bad.run("delete", "pvc", "--all", "--wait=false");
  await cluster.run("delete", "namespace", "bad-input", "--timeout=200s");
  await cluster.run(
    "delete",
    "storageclass/nobodys",
    "storageclass/roots",
    "persistentvolume/bad-input-roots",
  );
  await system.helm("uninstall", "spiceai-operator", "--wait");
}, 300_000);

const told = (what: string, run: () => Promise<void>) =>
  step(what, run, { shows: [bad, system], timeoutMs: 300_000 });

const describe = (...what: readonly string[]) => bad.run("describe", ...what);
/** Parts of a text as a pattern, `…` for what is drawn or counted. */
const words = (text: string, ends = "$") =>
  new RegExp(
    `^${text
      .split("…")
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      .join(".*")}${ends}`,
    "s",
  );
const notReady = (name: string, count: string, why: string) => [
  words(`Ready=False ExecutorsNotReady: ${count} executors are ready: ${why}`),
  words(
    `Degraded=True ExecutorsNotReady: ${name}-executor-0-0 (${why.slice(why.indexOf("(") + 1)} does not become ready`,
  ),
];

told("an image that does not exist", async () => {
  const pod = 'no-image-scheduler-… (…: …failed to resolve reference "localhost/no-such-image:1": …)';
  await saysAll(bad, "no-image", [
    words(`Ready=False SchedulersNotReady: No scheduler is ready: ${pod}`),
    words(`Degraded=True SchedulersNotReady: 0 of 1 schedulers are ready: ${pod}`),
    words("ConfigValid=True AsExpected: The resource and its spicepod are valid."),
  ]);
  const pods = await describe("pods", "--selector=spice.ai/cluster=no-image,spice.ai/cluster-role=scheduler");
  expect(pods).toMatch(/Warning +Failed .* Failed to pull image "localhost\/no-such-image:1"/);
});

told("a storage class that nobody makes volumes of", async () => {
  const pod =
    "no-volume-executor-0-0 (Unschedulable: 0/… nodes are available: pod has unbound immediate PersistentVolumeClaims. …)";
  await saysAll(bad, "no-volume", [
    words(
      `Ready=False ExecutorsNotReady: 0 of 1 executors are ready: claim data-no-volume-executor-0-0 has no volume of the class nobodys yet; ${pod}`,
    ),
    words(`Degraded=True ExecutorsNotReady: ${pod} does not become ready`),
  ]);
  expect(await describe("pvc/data-no-volume-executor-0-0")).toContain(
    "Waiting for a volume to be created either by the external provisioner 'nobody.example.com/volumes'",
  );
});

told("more memory than any node has", async () => {
  const pod = "no-room-executor-0-0 (Unschedulable: 0/… nodes are available: … Insufficient memory. …)";
  await saysAll(bad, "no-room", notReady("no-room", "0 of 1", pod));
  expect(await describe("pod/no-room-executor-0-0")).toMatch(
    /Warning +FailedScheduling .*Insufficient memory/,
  );
});

told("a volume without room for the data", async () => {
  const full =
    "events: No room to store a new version of events (expr0=…): …No space left on device…. The old data keeps serving. Give the executor's volume more space, or narrow the dataset by refresh_sql.";
  await saysAll(bad, "no-space", [
    words(`Ready=False PartitionsLoading: … of 5 partitions are loaded: ${full}`),
    words(`Degraded=True PartitionsLoading: Datasets fail: ${full}`),
  ]);
});

told("a volume that the process may not write", async () => {
  const said =
    "spiced cannot start: The data directory /data cannot be written: EACCES: permission denied, open '/data/.writable-1'; the process runs as user 65532";
  await saysAll(
    bad,
    "no-right",
    notReady("no-right", "0 of 1", `no-right-executor-0-0 (CrashLoopBackOff: ${said})`),
  );
  expect(await describe("pod/no-right-executor-0-0")).toContain(said);
});

told("a pod that its namespace does not allow", async () => {
  const why =
    'pods "not-allowed-scheduler-…" is forbidden: violates PodSecurity "restricted:latest": restricted volume types (volume "host" uses restricted volume type "hostPath")';
  await saysAll(bad, "not-allowed", [
    words(`Ready=False SchedulersNotReady: No scheduler is ready: ${why}`),
    words(`Degraded=True SchedulersNotReady: 0 of 1 schedulers are ready: ${why}`),
  ]);
  const sets = await describe("replicasets", "--selector=spice.ai/cluster=not-allowed");
  expect(sets).toMatch(/Warning +FailedCreate .*violates PodSecurity "restricted:latest"/);
});

told("an object store for the state that nobody reaches", async () => {
  const said =
    "spiced cannot start: the cluster's state at s3://story/state/no-store/ cannot be reached or written: ENOTFOUND: getaddrinfo ENOTFOUND no-such-store. Check runtime.scheduler.state_location, its params, and the rights of their key";
  await saysAll(bad, "no-store", [
    words(
      `Ready=False SchedulersNotReady: No scheduler is ready: no-store-scheduler-… (CrashLoopBackOff: ${said})`,
    ),
    words(`Degraded=True SchedulersNotReady: 0 of 1 schedulers are ready: no-store-scheduler-… (…${said})`),
  ]);
  const pods = await describe("pods", "--selector=spice.ai/cluster=no-store,spice.ai/cluster-role=scheduler");
  expect(pods).toContain(said);
});

told("a dataset whose source nobody reaches, beside one that is loaded", async () => {
  const why = "lost: s3://story/events/ cannot be listed: getaddrinfo ENOTFOUND no-such-store";
  await saysAll(bad, "no-source", [
    words(`Ready=False PartitionsLoading: 1 of 2 datasets have been discovered: ${why}`),
    words(`Degraded=True PartitionsLoading: Datasets fail: ${why}`),
  ]);
});

told("a leaf that has expired", async () => {
  const said = "spiced cannot start: The certificate in /certs/tls.crt expired at 2020-12-31T00:00:00.000Z";
  await eventually(
    "the pod to fail",
    async () => (await bad.run("get", "pod/expired", "--output=jsonpath={.status.phase}")) === "Failed",
    { timeoutMs: 90_000, everyMs: 500 },
  );
  expect(await describe("pod/expired")).toContain(said);
});

told("Argo CD shows all of them as degraded", async () => {
  const { items } = await bad.get<{ items: { metadata: { name: string } }[] }>("spicepodclusters");
  const shown = await Promise.all(
    items.map(async (each) => [each.metadata.name, (await argoHealth(each)).split(" ")[0]]),
  );
  expect(Object.fromEntries(shown)).toEqual({
    ...Object.fromEntries(badNames.map((name) => [name, "Degraded"])),
    well: expect.stringMatching(/Healthy|Progressing/),
  });
});

told(
  "a cluster that runs goes on when its resource, its root or the operator's rights become bad",
  async () => {
    await bad.run("wait", "--for=condition=Ready", well, "--timeout=180s");
    const before = await bad.podUids(wellPods);
    expect(Object.keys(before)).toHaveLength(3);
    const patch = (...changes: readonly object[]) =>
      bad.run("patch", well, "--type=merge", `--patch=${JSON.stringify(Object.assign({}, ...changes))}`);
    const level = (value: string | null) => ({
      metadata: { annotations: { "spice.ai/validation-level": value } },
    });
    const schedulerSpec = (spicepod: object) => ({ spec: { schedulerSpec: { spicepod } } });

    // A spicepod with an error.
    const broken = schedulerSpec({ datasets: null, datasts: [dataset("events")] });
    const wrong = "spec.schedulerSpec.spicepod.datasts: unknown field `datasts`. Did you mean `datasets`?";
    await expect(patch(broken)).rejects.toThrow(wrong);
    await patch(broken, level("off"));
    await saysAll(bad, "well", [
      words(`ConfigValid=False InvalidSpicepod: ${wrong}`),
      words(`Degraded=True InvalidSpicepod: ${wrong}`),
      words(`Stalled=True InvalidSpicepod: ${wrong}`),
    ]);
    await eventually(
      "the event",
      async () => /Warning +InvalidSpicepod .*unknown field/.test(await describe(well)),
      { everyMs: 500 },
    );
    await patch(schedulerSpec({ datasets: [dataset("events")], datasts: null }), level(null));

    // A storage class that does not exist is refused before anything is made.
    const claim = {
      metadata: { name: "data" },
      spec: { storageClassName: "none", resources: { requests: { storage: "1Gi" } } },
    };
    await expect(
      bad.apply(clusterOf("no-class", { executor: { volumeClaimTemplates: [claim] } })),
    ).rejects.toThrow(
      "spec.executorSpec.volumeClaimTemplates[0].spec.storageClassName: storage class none does not exist.",
    );

    // A root of one's own that has expired.
    await patch({ spec: { certificates: { rootSecretRef: { name: "expired-root" } } } });
    const over =
      "spec.certificates.rootSecretRef.name: Secret bad-input/expired-root: tls.crt expired at 2020-12-31T00:00:00.000Z.";
    await saysAll(bad, "well", [
      words(`CertificatesReady=False InvalidSecret: ${over}`),
      words(`Stalled=True InvalidSecret: ${over}`),
    ]);
    await patch({ spec: { certificates: null } });
    await bad.run("wait", "--for=condition=Ready", well, "--timeout=180s");
    expect(await bad.podUids(wellPods)).toEqual(before);

    // An operator that may not do what it has to.
    const role = "clusterrole/spiceai-operator.spice-system";
    const { rules } = await cluster.get<{ rules: { resources: readonly string[] }[] }>(role);
    const fewer = rules.filter(({ resources }) => !resources.includes("poddisruptionbudgets"));
    await cluster.run("patch", role, "--type=merge", `--patch=${JSON.stringify({ rules: fewer })}`);
    await bad.run("delete", "pdb/well-executor");
    const denied =
      'poddisruptionbudgets.policy "well-executor" is forbidden: User "system:serviceaccount:spice-system:spiceai-operator" cannot …"poddisruptionbudgets" in API group "policy" in the namespace "bad-input"';
    await saysAll(bad, "well", [words(`Degraded=True ApiError: …${denied}`, "")]);
    await cluster.run("patch", role, "--type=merge", `--patch=${JSON.stringify({ rules })}`);
    await saysAll(bad, "well", [words("Degraded=False AsExpected", ""), words("Ready=True", "")]);
    expect(await bad.podUids(wellPods)).toEqual(before);

    // An image that does not exist: the canary alone is lost, and nobody else is touched.
    await patch({ spec: { executorSpec: { image: { repository: "localhost/no-such-image", tag: "1" } } } });
    await saysAll(bad, "well", [
      words(
        'Degraded=True RolloutStopped: the rollout stopped: well-executor-1-0 (…: …failed to resolve reference "localhost/no-such-image:1": …) does not become ready; no other executor is changed',
      ),
    ]);
    const after = await bad.podUids(wellPods);
    expect({ ...after, "well-executor-1-0": "" }).toEqual({ ...before, "well-executor-1-0": "" });
  },
);
