import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { stringify } from "yaml";
import { ClientPod } from "../support/client-pod.ts";
import { Kubectl } from "../support/kubectl.ts";
import { startS3Pod, storyDataset } from "../support/s3-pod.ts";
import { showing } from "../support/step.ts";

/** The manifests name services by their full name, with this namespace in it. */
const kubectl = new Kubectl("default");
const root = join(import.meta.dirname, "..", "..");
const dir = realpathSync(mkdtempSync(join(tmpdir(), "plain-")));

beforeAll(() => startS3Pod(kubectl), 120_000);

afterAll(async () => {
  const selector = "--selector=app.kubernetes.io/part-of=spice";
  const kinds = "deployment,statefulset,service,poddisruptionbudget,configmap";
  await kubectl.run("delete", kinds, selector);
  await kubectl.run("delete", "persistentvolumeclaim", selector, "--timeout=90s");
  await kubectl.run(
    "delete",
    "--ignore-not-found",
    "pod/s3",
    "pod/client",
    "service/s3",
    "secret/cluster-certs",
  );
  rmSync(dir, { recursive: true, force: true });
}, 120_000);

/** The example with an image that is there, and a spicepod of the story's objects. */
function writeOverlay(): void {
  const acceleration = {
    enabled: true,
    engine: "duckdb",
    mode: "file",
    partition_by: ["bucket(6, customer_id)"],
  };
  const datasets = [{ ...storyDataset, acceleration }];
  const write = (file: string, content: object) => writeFileSync(join(dir, file), stringify(content));
  write("spicepod.yaml", { version: "v1", kind: "Spicepod", name: "plain", datasets });
  write("kustomization.yaml", {
    resources: [relative(dir, join(root, "examples", "plain"))],
    images: [{ name: "spiceai/spiceai", newName: "ghcr.io/spiceai/spiced", newTag: "0.1.0" }],
    configMapGenerator: [
      { name: "spice-config", namespace: "default", behavior: "replace", files: ["spicepod.yaml"] },
    ],
    generatorOptions: { disableNameSuffixHash: true },
  });
}

test("the plain manifests answer queries over mutual TLS, and an executor that is lost comes back", async () => {
  const spice = (...args: readonly string[]) =>
    execFileSync(process.execPath, [join(root, "runtime", "bin", "spice.mjs"), ...args], { stdio: "pipe" });
  spice("cluster", "tls", "init", "--dir", dir);
  for (const role of ["scheduler", "executor"])
    spice("cluster", "tls", "add", role, "--dir", dir, "--host", `${role}.example.com`);
  const pem = (key: string, file: string) => `--from-file=${key}=${join(dir, file)}`;
  await kubectl.run(
    ...["create", "secret", "generic", "cluster-certs", pem("ca-cert.pem", "ca.crt")],
    ...["scheduler", "executor"].flatMap((role) => [
      pem(`${role}-cert.pem`, `${role}.crt`),
      pem(`${role}-key.pem`, `${role}.key`),
    ]),
  );
  writeOverlay();
  await kubectl.run("apply", "-k", dir);
  await showing([kubectl], async () => {
    await kubectl.run("rollout", "status", "statefulset/spice-executor", "--timeout=150s");
    await kubectl.run("rollout", "status", "deployment/spice-scheduler", "--timeout=60s");
    const client = await ClientPod.start(kubectl, "spice-scheduler");
    const first = await client.phase(10);
    expect(first).toMatchObject({ wrong: 0 });
    expect(first.right).toBeGreaterThan(0);

    const report = await kubectl.report("--selector", "app.kubernetes.io/part-of=spice", "plain");
    const scheduler = Object.keys(await kubectl.podUids("app=spice-scheduler"))[0] ?? "";
    const file = (path: string) => readFileSync(join(report, path), "utf8");
    expect(JSON.parse(file("manifest.json"))).toMatchObject({ cluster: "plain", not_collected: [] });
    expect(file(`logs/${scheduler}/spiceai.log`)).toContain("Scheduler started");
    expect(file(`nodes/${scheduler}/metrics.txt`)).toContain("scheduler_active_executors_count");
    const { executors } = JSON.parse(file(`nodes/${scheduler}/cluster.json`)) as { executors: unknown[] };
    expect(executors).toHaveLength(3);
    rmSync(report, { recursive: true });

    await kubectl.run("delete", "pod/spice-executor-1", "--wait=true");
    await kubectl.run("rollout", "status", "statefulset/spice-executor", "--timeout=120s");
    const lost = await client.phase(20);
    expect(lost).toMatchObject({ wrong: 0 });
    expect(lost.right).toBeGreaterThan(0);
    const after = await client.recovered(10);
    expect(after).toMatchObject({ wrong: 0, failed: 0 });
  });
}, 300_000);
