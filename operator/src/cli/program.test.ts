import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parse, parseAllDocuments } from "yaml";
import { runOperatorCli } from "./program.ts";

const root = join(import.meta.dirname, "..", "..", "..");

function run(args: readonly string[], files: Readonly<Record<string, string>> = {}) {
  const written = { out: "", err: "" };
  const code = runOperatorCli(
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
    },
    "1.2.3",
  );
  return { code, ...written };
}

const cluster = (spec: string) =>
  `apiVersion: spice.ai/v2\nkind: SpicepodCluster\nmetadata: { name: sales }\nspec:\n  schedulerSpec: ${spec}\n`;

test("crd and json-schema print what is checked in", () => {
  expect(run(["crd"]).out).toBe(readFileSync(join(root, "crds/spicepodclusters.spice.ai.yaml"), "utf8"));
  const schema = readFileSync(join(root, "operator/json-schema/spicepodcluster-v2.schema.json"), "utf8");
  expect(run(["json-schema"]).out).toBe(schema);
});

describe("render", () => {
  test("prints every object, without owners that do not exist yet", () => {
    const { code, out, err } = run(["render", "-f", "a", "-n", "data", "--cluster-domain", "k.test"], {
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

  test("takes the ConfigMap from the same file", () => {
    const spec = cluster("{ spicepodConfigMapRef: { name: pods } }");
    const data = "{ spicepod.yaml: 'name: mapped' }";
    const map = `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: pods }\ndata: ${data}\n`;
    const { code, out } = run(["render", "-f", "-"], { "-": `${spec}---\n${map}` });
    expect(code).toBe(0);
    const first = parse(out.split("---\n")[0]!) as { data: Record<string, string> };
    expect(first.data["spicepod.yaml"]).toBe("name: mapped\nmetadata:\n  generation: 1\n");
    expect(run(["render", "-f", "-"], { "-": spec })).toMatchObject({
      code: 1,
      err: "spec.schedulerSpec.spicepodConfigMapRef: the file has no ConfigMap pods with the key spicepod.yaml.\n",
    });
    expect(
      run(["render", "-f", "-"], { "-": `${spec}---\n${map.replace("name: mapped", "nam: x")}` }),
    ).toMatchObject({
      code: 1,
      err: expect.stringMatching(/ConfigMap pods, key spicepod\.yaml, line 1: nam: unknown field/),
    });
  });

  test("says what is wrong, line by line", () => {
    const { code, err, out } = run(["render", "-f", "a"], { a: cluster("{ replicas: 0, imag: x }") });
    expect(code).toBe(1);
    expect(out).toBe("");
    expect(err).toBe(
      "spec.schedulerSpec.imag: unknown field. Did you mean image?\nspec.schedulerSpec.replicas: must be at least 1, found 0.\n",
    );
    expect(run(["render", "-f", "a"], { a: "a: [" })).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^This is not valid YAML/),
    });
    expect(run(["render", "-f", "a"], { a: "" }).err).toBe("The file has no SpicepodCluster.\n");
    expect(run(["render", "-f", "none"])).toMatchObject({ code: 1, err: "no such file none\n" });
  });
});

test("usage errors exit with 2, help and version with 0", () => {
  expect(run(["render"]).code).toBe(2);
  expect(run(["frob"]).code).toBe(2);
  expect(run(["--version"])).toMatchObject({ code: 0, out: "1.2.3\n" });
  expect(run(["--help"]).code).toBe(0);
});
