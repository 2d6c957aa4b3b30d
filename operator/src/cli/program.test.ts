import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parse, parseAllDocuments } from "yaml";
import type { RunOptions } from "../process/run-options.ts";
import { runOperatorCli } from "./program.ts";

const root = join(import.meta.dirname, "..", "..", "..");

async function run(args: readonly string[], files: Readonly<Record<string, string>> = {}) {
  const written = { out: "", err: "" };
  const asked: RunOptions[] = [];
  const code = await runOperatorCli(
    args,
    {
      out: (text) => {
        written.out += text;
      },
      err: (text) => {
        written.err += text;
      },
      read: (file) => {
        const text = files[file];
        if (text === undefined)
          throw Object.assign(new Error(`no such file ${file}`), { code: "ENOENT", syscall: "open" });
        return text;
      },
      async run(options) {
        asked.push(options);
        return 7;
      },
      applyCrd: async ({ context }) => `crd in ${context}`,
      check: async ({ url, timeoutMs }, { context }) =>
        url.port === "1" ? [`${url.host} is away`] : timeoutMs === 5000 && context === "test" ? [] : ["odd"],
    },
    "1.2.3",
  );
  return { code, asked, ...written };
}

const cluster = (spec: string) =>
  `apiVersion: spice.ai/v2\nkind: SpicepodCluster\nmetadata: { name: sales }\nspec:\n  schedulerSpec: ${spec}\n`;

test("crd and json-schema print what is checked in", async () => {
  expect((await run(["crd"])).out).toBe(
    readFileSync(join(root, "crds/spicepodclusters.spice.ai.yaml"), "utf8"),
  );
  const schema = readFileSync(join(root, "operator/json-schema/spicepodcluster-v2.schema.json"), "utf8");
  expect((await run(["json-schema"])).out).toBe(schema);
});

describe("render", () => {
  test("prints every object, without owners that do not exist yet", async () => {
    const { code, out, err } = await run(["render", "-f", "a", "-n", "data", "--cluster-domain", "k.test"], {
      a: cluster("{ spicepod: { datasets: [] } }"),
    });
    expect(code).toBe(0);
    expect(err).toMatch(/^Warning: spec\.schedulerSpec\.spicepod\.runtime\.scheduler\.state_location: /);
    const objects = parseAllDocuments(out).map((document) => document.toJS() as Record<string, never>);
    expect(objects.map(({ kind }) => kind)).toEqual([
      "ConfigMap",
      "Service",
      "Service",
      "Service",
      "Deployment",
      "StatefulSet",
      "PodDisruptionBudget",
      "PodDisruptionBudget",
    ]);
    expect(out).toContain("https://sales-scheduler.data.svc.k.test:50052");
    expect(out).not.toContain("ownerReferences");
  });

  test("takes the ConfigMap from the same file", async () => {
    const spec = cluster("{ spicepodConfigMapRef: { name: pods } }");
    const data = "{ spicepod.yaml: 'name: mapped' }";
    const map = `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: pods }\ndata: ${data}\n`;
    const { code, out } = await run(["render", "-f", "-"], { "-": `${spec}---\n${map}` });
    expect(code).toBe(0);
    const first = parse(out.split("---\n")[0]!) as { data: Record<string, string> };
    expect(first.data["spicepod.yaml"]).toBe("name: mapped\nmetadata:\n  generation: 1\n");
    expect(await run(["render", "-f", "-"], { "-": spec })).toMatchObject({
      code: 1,
      err: "spec.schedulerSpec.spicepodConfigMapRef: the file has no ConfigMap pods with the key spicepod.yaml.\n",
    });
    expect(
      await run(["render", "-f", "-"], { "-": `${spec}---\n${map.replace("name: mapped", "nam: x")}` }),
    ).toMatchObject({
      code: 1,
      err: expect.stringMatching(/ConfigMap pods, key spicepod\.yaml, line 1: nam: unknown field/),
    });
  });

  test("says what is wrong, line by line", async () => {
    const { code, err, out } = await run(["render", "-f", "a"], { a: cluster("{ replicas: 0, imag: x }") });
    expect(code).toBe(1);
    expect(out).toBe("");
    expect(err).toBe(
      "spec.schedulerSpec.imag: unknown field. Did you mean image?\nspec.schedulerSpec.replicas: must be at least 1, found 0.\n",
    );
    expect(await run(["render", "-f", "a"], { a: "a: [" })).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^This is not valid YAML/),
    });
    expect((await run(["render", "-f", "a"], { a: "" })).err).toBe("The file has no SpicepodCluster.\n");
    expect(await run(["render", "-f", "none"])).toMatchObject({ code: 1, err: "no such file none\n" });
  });
});

test("usage errors exit with 2, help and version with 0", async () => {
  expect((await run(["render"])).code).toBe(2);
  expect((await run(["frob"])).code).toBe(2);
  expect(await run(["--version"])).toMatchObject({ code: 0, out: "1.2.3\n" });
  expect((await run(["--help"])).code).toBe(0);
});

describe("run", () => {
  test("has the defaults of the chapter", async () => {
    const { code, asked } = await run(["run"]);
    expect(code).toBe(7);
    expect(asked).toEqual([
      {
        name: "spiceai-operator",
        healthAddress: { host: "0.0.0.0", port: 8090 },
        metricsAddress: { host: "0.0.0.0", port: 9090 },
        webhookAddress: { host: "0.0.0.0", port: 8443 },
        admissionPolicy: "err",
        leaderElect: true,
        telemetryProperties: {},
        verbose: false,
        settings: {
          clusterDomain: "cluster.local",
          watchNamespaces: [],
          denyNamespaces: [],
          pauseCrashloopingPodsThreshold: 10,
          resyncMs: 600_000,
          workers: 16,
        },
      },
    ]);
  });

  test("takes every flag", async () => {
    const { asked } = await run([
      "run",
      "--health-probe-bind-address=[::1]:1",
      "--metrics-bind-address=:2",
      "--webhook-bind-address=off",
      "--operator-namespace=ops",
      "--name=mine",
      "--cluster-domain=k.test",
      "--admission-policy=warn",
      "--watch-namespaces=a,b,a",
      "--deny-namespaces=c",
      "--pause-crashlooping-pods-threshold=0",
      "--telemetry-properties=region=eu,stage=a=b",
      "--telemetry-properties=team=x",
      "--leader-elect=false",
      "--verbose",
      "--kubeconfig=/k",
      "--context=c",
    ]);
    expect(asked).toEqual([
      {
        kubeconfig: "/k",
        context: "c",
        name: "mine",
        operatorNamespace: "ops",
        healthAddress: { host: "::1", port: 1 },
        metricsAddress: { host: "0.0.0.0", port: 2 },
        webhookAddress: undefined,
        admissionPolicy: "warn",
        leaderElect: false,
        telemetryProperties: { region: "eu", stage: "a=b", team: "x" },
        verbose: true,
        settings: {
          clusterDomain: "k.test",
          watchNamespaces: ["a", "b"],
          denyNamespaces: ["c"],
          pauseCrashloopingPodsThreshold: 0,
          resyncMs: 600_000,
          workers: 16,
        },
      },
    ]);
  });

  test.each([
    [["--frob"], "unknown option '--frob'"],
    [["extra"], "too many arguments"],
    [["--health-probe-bind-address=8090"], "--health-probe-bind-address <host:port>"],
    [["--metrics-bind-address=:70000"], "must be host:port"],
    [["--admission-policy=no"], "Allowed choices are err, warn, off"],
    [["--watch-namespaces=A"], '"A" must be at most 63 lower-case letters'],
    [["--pause-crashlooping-pods-threshold=-1"], "must be a whole number"],
    [["--telemetry-properties=a"], "must be K=V"],
    [["--telemetry-properties=result=a"], "the key result is the operator's own"],
    [["--leader-elect=maybe"], "must be true or false"],
    [["--cluster-domain=.."], "must be a DNS domain"],
  ])("%j is a usage error that names the flag", async (flags, message) => {
    const { code, err, asked } = await run(["run", ...flags]);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(asked).toEqual([]);
  });
});

test("crd --apply applies it", async () => {
  expect(await run(["crd", "--apply", "--context", "test"])).toMatchObject({
    code: 0,
    out: "crd in test applied\n",
  });
});

test("check says what is wrong and exits with 1", async () => {
  expect(await run(["check", "--url=http://op:8090", "--timeout=5", "--context=test"])).toMatchObject({
    code: 0,
    out: "op:8090 is healthy and ready, and SpicepodCluster is known\n",
  });
  const bad = await run(["check", "--url=http://op:1"]);
  expect(bad).toMatchObject({ code: 1, out: "", err: "op:1 is away\n" });
  expect((await run(["check", "--url=op"])).err).toContain("must be a URL such as http://host:8090.");
  expect((await run(["check", "--timeout=1h"])).code).toBe(2);
});
