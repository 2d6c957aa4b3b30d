import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { stringify } from "yaml";
import { ClientPod } from "../support/client-pod.ts";
import { Kubectl } from "../support/kubectl.ts";
import { startS3Pod, storyDataset } from "../support/s3-pod.ts";

/** The manifests name services by their full name, with this namespace in it. */
const kubectl = new Kubectl("default");
const root = join(import.meta.dirname, "..", "..");
const manifest = (name: string) => join(root, "examples", "plain", name);
const dir = mkdtempSync(join(tmpdir(), "plain-"));

beforeAll(() => startS3Pod(kubectl), 120_000);

afterAll(async () => {
  const ours = ["deployment/spice-scheduler", "statefulset/spice-executor", "pod/s3", "pod/client"];
  ours.push("service/spice-scheduler", "service/spice-executor", "service/s3");
  await kubectl.run(
    "delete",
    "--ignore-not-found",
    ...ours,
    "configmap/spice-config",
    "secret/cluster-certs",
  );
  rmSync(dir, { recursive: true, force: true });
}, 120_000);

test("the plain manifests answer queries over mutual TLS, and an executor that is lost comes back", async () => {
  const spice = (...args: readonly string[]) =>
    execFileSync(process.execPath, [join(root, "runtime", "bin", "spice.mjs"), ...args], { stdio: "pipe" });
  spice("cluster", "tls", "init", "--dir", dir);
  for (const role of ["scheduler", "executor"])
    spice("cluster", "tls", "add", role, "--dir", dir, "--host", `spice-${role}.default.svc.cluster.local`);
  const pem = (key: string, file: string) => `--from-file=${key}=${join(dir, file)}`;
  await kubectl.run(
    ...["create", "secret", "generic", "cluster-certs", pem("ca-cert.pem", "ca.crt")],
    ...["scheduler", "executor"].flatMap((role) => [
      pem(`${role}-cert.pem`, `${role}.crt`),
      pem(`${role}-key.pem`, `${role}.key`),
    ]),
  );
  const dataset = {
    ...storyDataset,
    acceleration: { enabled: true, engine: "arrow", partition_by: ["bucket(6, customer_id)"] },
  };
  writeFileSync(
    join(dir, "spicepod.yaml"),
    stringify({ version: "v1", kind: "Spicepod", name: "plain", datasets: [dataset] }),
  );
  await kubectl.run("create", "configmap", "spice-config", `--from-file=${join(dir, "spicepod.yaml")}`);
  await kubectl.run("apply", "-f", manifest("scheduler.yaml"), "-f", manifest("executor.yaml"));
  try {
    await kubectl.run("rollout", "status", "statefulset/spice-executor", "--timeout=150s");
    await kubectl.run("rollout", "status", "deployment/spice-scheduler", "--timeout=60s");
    const client = await ClientPod.start(kubectl, "spice-scheduler");
    const first = await client.phase(10);
    expect(first).toMatchObject({ wrong: 0 });
    expect(first.right).toBeGreaterThan(0);

    await kubectl.run("delete", "pod/spice-executor-1", "--wait=true");
    await kubectl.run("rollout", "status", "statefulset/spice-executor", "--timeout=120s");
    const lost = await client.phase(20);
    expect(lost).toMatchObject({ wrong: 0 });
    expect(lost.right).toBeGreaterThan(0);
    const after = await client.phase(10);
    expect(after).toMatchObject({ wrong: 0, failed: 0 });
  } catch (error) {
    console.log(await kubectl.bundle());
    throw error;
  }
}, 300_000);
