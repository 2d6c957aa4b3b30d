import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "@jest/globals";
import { parseAllDocuments } from "yaml";
import { eventually } from "../../kube/test/support/wait.ts";
import { command } from "../local/command.ts";
import { argoHealth } from "../support/argo-health.ts";
import { clusterOf } from "../support/bad-clusters.ts";
import { Kubectl } from "../support/kubectl.ts";
import { grantedBy, rightsOfAccount } from "../support/rights.ts";
import { step } from "../support/step.ts";

/** What other tools rely on: health, rights, network rules and ends of processes, on live objects. */
const cluster = new Kubectl("default");
const system = new Kubectl("spice-system");
const place = new Kubectl("conformance");
const root = join(import.meta.dirname, "..", "..");
const chart = join(root, "charts", "spiceai-operator");
const release = "spiceai-operator";
const account = `system:serviceaccount:spice-system:${release}`;
const name = "spicepodcluster/phases";
const dir = mkdtempSync(join(tmpdir(), "conformance-"));

const tcp = (...ports: readonly number[]) => ports.map((port) => ({ port, protocol: "TCP" }));
const network = {
  ingress: [{ from: [{ namespaceSelector: {} }], ports: tcp(8090, 9090, 50052) }],
  egress: [{ ports: [{ port: 53, protocol: "UDP" }, ...tcp(53, 8090, 50052)] }],
};
const phases = clusterOf("phases", { scheduler: { network }, executor: { network } });

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: unknown;
}

const documents = (text: string) =>
  parseAllDocuments(text).flatMap((document) => (document.toJS() as Manifest | null) ?? []);

/** The cluster as it was when it was made. It starts while rights are looked at. */
let created: object = {};

beforeAll(async () => {
  await cluster.apply({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "conformance", labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
  });
  await system.helm(
    ...["upgrade", "--install", release, chart, "--create-namespace", "--wait", "--timeout=240s"],
    ...["--set", "networkPolicy.enabled=true,pauseCrashloopingPodsThreshold=1"],
  );
  writeFileSync(join(dir, "phases.json"), JSON.stringify(phases));
  const order = ["create", "-f", join(dir, "phases.json"), "--output=json"];
  created = JSON.parse(await place.run(...order)) as object;
}, 300_000);

afterAll(async () => {
  rmSync(dir, { recursive: true });
  await place.run("delete", "spicepodclusters", "--all", "--timeout=120s");
  await Promise.all([
    cluster.run("delete", "namespace", "conformance", "--timeout=120s"),
    system.helm("uninstall", release, "--wait"),
  ]);
}, 300_000);

const told = (what: string, run: () => Promise<void>) =>
  step(what, run, { shows: [place, system], timeoutMs: 240_000 });

const rendered = async () => documents(await system.helm("get", "manifest", release));
const live = () => place.get<object>(name);
const patch = (spec: object) =>
  place.run("patch", name, "--type=merge", `--patch=${JSON.stringify({ spec })}`);

/** Waits for a health, and answers all that were shown on the way. */
async function until(wanted: RegExp): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  await eventually(
    `Argo CD to show ${wanted}`,
    async () => {
      const health = await argoHealth(await live());
      seen.add(health.split(" ")[0] ?? "");
      return wanted.test(health);
    },
    { timeoutMs: 180_000, everyMs: 300 },
  ).catch(async (error: unknown) => {
    throw new Error(`it shows ${await argoHealth(await live())}`, { cause: error });
  });
  return seen;
}

told("helm test finds an operator that works", async () => {
  expect(await system.helm("test", release, "--timeout=150s")).toMatch(/Phase: +Succeeded/);
});

told("the operator's account has the rights that the chart renders, and no other", async () => {
  const objects = await rendered();
  for (const namespace of ["spice-system", "conformance"]) {
    const { rights, urls } = await rightsOfAccount(cluster, account, namespace);
    expect(rights).toEqual(grantedBy(objects, account, namespace));
    expect(rights.length).toBeGreaterThan(40);
    expect(urls).toEqual([]);
    expect(rights.filter((right) => right.includes("*"))).toEqual([]);
  }
});

told("what the account must not do is refused", async () => {
  const may = (user: string, ...what: readonly string[]) =>
    cluster.run("auth", "can-i", ...what, `--as=${user}`).then(
      () => true,
      (error: { cause?: { stdout?: string } }) => {
        // It answers no by its exit code too.
        if (error.cause?.stdout?.trim() !== "no") throw error;
        return false;
      },
    );
  const refused = [
    ["list", "secrets", "--namespace=conformance"],
    ["watch", "secrets", "--namespace=conformance"],
    ["create", "pods", "--namespace=conformance"],
    ["create", "pods", "--subresource=exec", "--namespace=conformance"],
    ["get", "pods", "--subresource=log", "--namespace=conformance"],
    ["get", "nodes"],
    ["create", "namespaces"],
    ["patch", "customresourcedefinitions"],
    ["create", "clusterroles"],
    ["escalate", "roles", "--namespace=conformance"],
    ["bind", "roles", "--namespace=conformance"],
    ["impersonate", "serviceaccounts", "--namespace=conformance"],
    ["patch", "validatingwebhookconfigurations/of-somebody-else"],
    ["delete", "spicepodclusters", "--namespace=conformance"],
  ];
  const answers = await Promise.all(refused.map(async (what) => [what, await may(account, ...what)]));
  expect(answers).toEqual(refused.map((what) => [what, false]));
  expect(await may(account, "get", "secrets", "--namespace=conformance")).toBe(true);

  // It may make Roles, and no Role that gives more than it has.
  const as = `--as=${account}`;
  const here = "--namespace=conformance";
  await expect(
    cluster.run("create", "role", "more", "--verb=get", "--resource=nodes", here, as),
  ).rejects.toThrow("is attempting to grant RBAC permissions not currently held");
  await expect(
    cluster.run(
      "create",
      "rolebinding",
      "more",
      "--clusterrole=cluster-admin",
      `--serviceaccount=a:b`,
      here,
      as,
    ),
  ).rejects.toThrow("is attempting to grant RBAC permissions not currently held");

  // One that watches a few namespaces has nothing in others.
  const limited = "system:serviceaccount:conformance:limited-spiceai-operator";
  const objects = documents(
    await system.helm(
      ...["template", "limited", chart, "--namespace", "conformance", "--set", "namespaces={conformance}"],
      ...["--show-only", "templates/rbac.yaml", "--show-only", "templates/serviceaccount.yaml"],
    ),
  );
  await place.apply(...objects);
  const { rights } = await rightsOfAccount(cluster, limited, "conformance");
  expect(rights).toEqual(grantedBy(objects, limited, "conformance"));
  const elsewhere = await rightsOfAccount(cluster, limited, "default");
  expect(elsewhere.rights).toEqual(grantedBy(objects, limited, "default"));
  expect(elsewhere.rights.filter((right) => !/storageclasses|webhook/.test(right))).toEqual([]);
  expect(await may(limited, "get", "secrets", "--namespace=default")).toBe(false);
  expect(await may(limited, "get", "secrets", "--namespace=conformance")).toBe(true);
  await cluster.run(
    "delete",
    "clusterrole,clusterrolebinding",
    "--selector=app.kubernetes.io/instance=limited",
  );
});

told("Argo CD's health of a cluster is right in every phase of its life", async () => {
  expect(await argoHealth(created)).toBe("Progressing The operator has not seen the cluster yet.");
  const before = await until(/^Healthy AsExpected: The cluster answers queries over all its data\.$/);
  expect([...before].filter((status) => status !== "Progressing" && status !== "Healthy")).toEqual([]);

  await patch({ paused: true });
  expect(await argoHealth(await live())).toMatch(/^Progressing|^Suspended/);
  await until(/^Suspended PausedByUser: spec\.paused is true: the operator changes nothing\.$/);
  await patch({ paused: false });
  await until(/^Healthy /);

  await patch({ executorSpec: { env: [{ name: "SPICED_ACCELERATORS", value: "/no/such/module" }] } });
  await until(/^Degraded ExecutorsNotReady: phases-executor-0-0 \(.*spiced cannot start: .*\) does not/);
  await until(/^Degraded CrashLooping: phases-executor-0-0 \(CrashLoopBackOff: spiced cannot start: .*\);/);
  await patch({ executorSpec: { env: null } });
  await until(/^Healthy /);
});

told("network policies are those that the chart and the resource render", async () => {
  const [policy] = (await rendered()).filter(({ kind }) => kind === "NetworkPolicy");
  const ofChart = await system.get<Manifest>(`networkpolicy/${release}`);
  expect(ofChart.spec).toEqual(policy?.spec);

  const file = join(dir, "phases.json");
  const program = [join(root, "operator", "bin", "spiceai-operator.mjs"), "render", "-f", file];
  const wanted = documents(await command(process.execPath, ...program, "-n", "conformance"));
  for (const role of ["scheduler", "executor"]) {
    const found = await place.get<Manifest>(`networkpolicy/phases-${role}`);
    const expected = wanted.find(
      ({ kind, metadata }) => kind === "NetworkPolicy" && metadata.name === `phases-${role}`,
    );
    expect(found.spec).toEqual(expected?.spec);
    expect(found.spec).toMatchObject({ policyTypes: ["Ingress", "Egress"], ...network });
  }
});

told("processes end by SIGTERM with 0, at once, and their root file system is read-only", async () => {
  const [operator = ""] = Object.keys(await system.podUids("app.kubernetes.io/name=spiceai-operator"));
  const [scheduler = ""] = Object.keys(
    await place.podUids("spice.ai/cluster=phases,spice.ai/cluster-role=scheduler"),
  );
  const node = (kubectl: Kubectl, pod: string, program: string) =>
    kubectl.run("exec", pod, "--", "/usr/local/bin/node", "--eval", program);
  const endsWell = async (kubectl: Kubectl, pod: string, graceS: number) => {
    const write = "require('node:fs').writeFileSync('/usr/local/written', '')";
    await expect(node(kubectl, pod, write)).rejects.toThrow("EROFS: read-only file system");
    const user = await node(kubectl, pod, "console.log(process.getuid(), process.getgid())");
    expect(user.trim()).toBe("65532 65532");
    const began = Date.now();
    await node(kubectl, pod, "process.kill(1, 'SIGTERM')");
    const path = "{.status.containerStatuses[0].lastState.terminated}";
    const ended = await eventually(
      `${pod} to end`,
      async () => {
        const text = await kubectl.run("get", `pod/${pod}`, `--output=jsonpath=${path}`);
        return text !== "" && (JSON.parse(text) as { exitCode: number; finishedAt: string });
      },
      { timeoutMs: 60_000, everyMs: 300 },
    );
    expect({ pod, exitCode: ended.exitCode }).toEqual({ pod, exitCode: 0 });
    expect(Date.parse(ended.finishedAt) - began).toBeLessThan(graceS * 1000);
  };
  await Promise.all([
    endsWell(system, operator, 20),
    endsWell(place, scheduler, 15),
    endsWell(place, "phases-executor-0-0", 15),
  ]);
});

told("a cluster without executors is suspended, and one that goes is progressing", async () => {
  await patch({ executorSpec: { replicas: 0 } });
  await until(/^Suspended NoExecutors: executorSpec\.replicas is 0/);
  await place.run("delete", name, "--wait=false");
  expect(await argoHealth(await live())).toBe("Progressing The cluster is being deleted.");
});
