/** @jest-environment ./scripts/jest/environment.mjs */
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { KubeObject } from "@spice-shards/kube";
import { runCli } from "../../../runtime/src/cli/program.ts";
import { TestIo } from "../../../runtime/src/cli/testing/test-io.ts";
import { types } from "../../src/reconcile/cache/resource-types.ts";
import { leaveBundle } from "../support/leave-bundle.ts";
import { OperatorBed } from "./support/operator-bed.ts";

interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

interface Manifest {
  readonly cluster: string;
  readonly collected: readonly { readonly path: string }[];
  readonly not_collected: readonly { readonly what: string; readonly reason: string }[];
}

describe("a support bundle from a real API server", () => {
  let bed: OperatorBed;
  let dir: string;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "report-"));
    bed = await OperatorBed.start();
  });
  afterEach(() => bed.stopOperator());
  afterAll(async () => {
    await bed?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  const manifestOf = (folder: string) =>
    JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as Manifest;

  it("has the cluster's objects and events, tells that logs are out of reach, and holds no key", async () => {
    bed.operate();
    const namespace = await bed.create({}, "report");
    await bed.ready(namespace);
    const io = new TestIo(dir);
    const config = ["--kubeconfig", bed.api.kubeconfig(), "--namespace", namespace];
    const code = await runCli(["report", ...config, "--output", "bundle"], io, "1.2.3");
    expect({ code, err: io.err }).toEqual({ code: 0, err: "" });
    const folder = join(dir, "bundle");
    const { collected, not_collected: missing, cluster } = manifestOf(folder);
    // The only one of the namespace.
    expect(cluster).toBe("sales");
    expect(collected.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        "events.json",
        "objects/ConfigMap/sales-spicepod.json",
        "objects/Deployment/sales-scheduler.json",
        "objects/Pod/sales-executor-0-0.json",
        "objects/PodDisruptionBudget/sales-executor.json",
        "objects/Service/sales.json",
        "objects/SpicepodCluster/sales.json",
        "objects/StatefulSet/sales-executor-1.json",
        "secrets/sales-ca.json",
        "secrets/sales-scheduler-tls.json",
        "summary.txt",
        "versions.json",
      ]),
    );
    // No kubelet runs behind these pods.
    const logs = missing.filter(({ what }) => what.startsWith("logs/"));
    expect(logs.map(({ what }) => what)).toContain("logs/sales-executor-0-0/spiced.log");
    for (const { reason } of logs) expect(reason).toMatch(/GET .*\/log/);
    expect(missing.map(({ what }) => what)).toContain("operator");

    const files = globSync("**/*.*", { cwd: folder });
    const all = files.map((file) => readFileSync(join(folder, file), "utf8")).join("\n");
    expect(all).toContain("CN=");
    const { items } = await bed.admin.list<Secret>(types.secret, { namespace });
    const keys = items.flatMap(({ data = {} }) => (data["tls.key"] === undefined ? [] : [data["tls.key"]]));
    expect(keys.length).toBeGreaterThan(2);
    for (const key of keys) {
      expect(all).not.toContain(key);
      expect(all).not.toContain(Buffer.from(key, "base64").toString("utf8").split("\n")[1]);
    }
  }, 180_000);

  it("is left by a test that failed", async () => {
    const namespace = await bed.create({}, "failed");
    process.env["TEST_BUNDLES"] = dir;
    try {
      const target = { client: bed.admin, namespace, cluster: "sales" };
      const place = await leaveBundle("this: no failure, a test of it", target, {
        "operator/log.json": ["a line"],
      });
      expect(place?.startsWith(join(dir, "bundle-this-no-failure-a-test-of-it-"))).toBe(true);
      expect(manifestOf(place ?? "").collected.map(({ path }) => path)).toEqual(
        expect.arrayContaining(["objects/SpicepodCluster/sales.json", "operator/log.json", "summary.txt"]),
      );
    } finally {
      delete process.env["TEST_BUNDLES"];
    }
  });

  it("is refused for a user who names nothing that is there", async () => {
    const io = new TestIo(dir);
    const config = ["--kubeconfig", bed.api.kubeconfig(), "--namespace", "default"];
    expect(await runCli(["report", ...config, "--output", "none"], io, "1")).toBe(1);
    expect(io.err).toBe("There is no SpicepodCluster in the namespace default\n");
    expect(globSync("none", { cwd: dir })).toEqual([]);
  });
});
