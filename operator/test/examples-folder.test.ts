import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { LuaFactory } from "wasmoon";
import { parse, parseAllDocuments } from "yaml";
import { nothingObserved } from "../src/render/context.ts";
import { renderCluster } from "../src/render/render-cluster.ts";
import { isObject } from "../src/schema/apply-defaults.ts";
import type { Json } from "../src/schema/schema.ts";
import { checkSpicepodText } from "../src/validate/spicepod.ts";
import { formatFieldProblem, validateCluster } from "../src/validate/validate.ts";

const folder = join(import.meta.dirname, "..", "..", "examples");
const read = (file: string) => readFileSync(join(folder, file), "utf8");
const documents = globSync("{minimal,production,cert-manager,gitops}/**/*.yaml", { cwd: folder })
  .sort()
  .flatMap((file) =>
    parseAllDocuments(read(file)).map((document) => {
      expect(document.errors).toEqual([]);
      return { file, object: document.toJS() as Json };
    }),
  );
const clusters = documents.filter(({ object }) => isObject(object) && object["kind"] === "SpicepodCluster");

test("there are clusters for each purpose", () => {
  expect(clusters.map(({ file }) => file)).toEqual([
    "cert-manager/cluster.yaml",
    "gitops/clusters/cluster.yaml",
    "minimal/cluster.yaml",
    "production/cluster.yaml",
  ]);
});

test.each(clusters)("$file is valid and can be rendered", ({ file, object }) => {
  const { cluster, problems, warnings } = validateCluster(object);
  expect((problems ?? []).map(formatFieldProblem)).toEqual([]);
  // Only the smallest keeps its state with its pod.
  expect(warnings.map(({ path }) => path)).toEqual(
    file.startsWith("minimal/") ? ["spec.schedulerSpec.spicepod.runtime.scheduler.state_location"] : [],
  );
  const configMapText =
    cluster?.spec.schedulerSpec.spicepodConfigMapRef === undefined
      ? undefined
      : read("gitops/clusters/spicepod.yaml");
  if (configMapText !== undefined) expect(checkSpicepodText(configMapText, "spicepod.yaml")).toEqual([]);
  const kinds = renderCluster({
    cluster: cluster!,
    observed: { ...nothingObserved, ...(configMapText === undefined ? {} : { configMapText }) },
    clusterDomain: "cluster.local",
  }).map(({ kind }) => kind);
  expect(kinds).toEqual(expect.arrayContaining(["Deployment", "StatefulSet", "ConfigMap", "Service"]));
});

describe("Argo CD's health check", () => {
  const place = "argocd/resource_customizations/spice.ai/SpicepodCluster";
  const { tests } = parse(read(`${place}/health_test.yaml`)) as {
    tests: { healthStatus: { status: string; message: string }; inputPath: string }[];
  };

  test.each(tests)("$inputPath is $healthStatus.status", async ({ healthStatus, inputPath }) => {
    const lua = await new LuaFactory().createEngine();
    try {
      lua.global.set("obj", parse(read(`${place}/${inputPath}`)));
      expect({ ...(await lua.doString(read(`${place}/health.lua`))) }).toEqual(healthStatus);
    } finally {
      lua.global.close();
    }
  });

  test("every resource of the test data is a test", () => {
    expect(tests.map(({ inputPath }) => inputPath).sort()).toEqual(
      globSync("testdata/*.yaml", { cwd: join(folder, place) }).sort(),
    );
    expect(new Set(tests.map(({ healthStatus }) => healthStatus.status))).toEqual(
      new Set(["Healthy", "Progressing", "Degraded", "Suspended"]),
    );
  });
});
