import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { parse, parseAllDocuments, stringify } from "yaml";
import { customResourceDefinition } from "../../src/api/crd.ts";
import { runOperatorCli } from "../../src/cli/program.ts";
import type { RunOptions } from "../../src/process/run-options.ts";
import { webhookNames } from "../../src/process/webhook-names.ts";
import { types, watchedChildren } from "../../src/reconcile/cache/resource-types.ts";
import { validatePath } from "../../src/webhook/webhook-server.ts";
import { chart, helm, type Manifest, manifests, namespace, repository, template } from "./support.ts";

const folder = import.meta.dirname;
const names = readdirSync(join(folder, "values")).map((file) => file.replace(/\.yaml$/, ""));
const valuesOf = (name: string) => join(folder, "values", `${name}.yaml`);
const update = process.env["UPDATE_GOLDENS"] === "1";
/** Rendered once: Helm is what takes time. */
const rendered = new Map<string, readonly Manifest[]>();
const scratch = mkdtempSync(join(tmpdir(), "chart-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function objectsOf(name: string): readonly Manifest[] {
  const found = rendered.get(name) ?? manifests(template(valuesOf(name)));
  rendered.set(name, found);
  return found;
}

function find<T>(objects: readonly Manifest[], kind: string, name?: string): T {
  const found = objects.filter(
    (each) => each.kind === kind && (name ?? each.metadata.name) === each.metadata.name,
  );
  expect(found).toHaveLength(1);
  return found[0] as T;
}

test("helm lint has nothing to say", () => {
  const values = names.flatMap((name) => ["--values", valuesOf(name)]);
  expect(helm("lint", "--strict", chart)).toContain("0 chart(s) failed");
  expect(helm("lint", "--strict", chart, ...values.slice(0, 2))).toContain("0 chart(s) failed");
});

test.each(names)("%s renders as recorded", (name) => {
  const text = objectsOf(name)
    .map((object) => (object.kind === "CustomResourceDefinition" ? { ...object, spec: "cut" } : object))
    .map((object) => (object.metadata.name.includes("-dashboard-") ? { ...object, data: "cut" } : object))
    .map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join("---\n");
  const file = join(folder, "goldens", `${name}.yaml`);
  if (update) writeFileSync(file, text);
  expect(existsSync(file)).toBe(true);
  expect(text).toBe(readFileSync(file, "utf8"));
});

test("every recorded file has its values", () => {
  expect(readdirSync(join(folder, "goldens")).map((file) => file.replace(/\.yaml$/, ""))).toEqual(names);
  expect(names.length).toBeGreaterThanOrEqual(8);
});

interface Deployment {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly securityContext: unknown;
        readonly volumes?: unknown;
        readonly containers: readonly {
          readonly args: readonly string[];
          readonly securityContext: unknown;
          readonly ports: readonly { name: string; containerPort: number }[];
        }[];
      };
    };
  };
}

async function optionsOf(objects: readonly Manifest[]): Promise<RunOptions> {
  const { args } = find<Deployment>(objects, "Deployment").spec.template.spec.containers[0]!;
  const asked: RunOptions[] = [];
  let said = "";
  const io = {
    out: (text: string) => {
      said += text;
    },
    err: (text: string) => {
      said += text;
    },
    read: () => "",
    applyCrd: async () => "",
    check: async () => [],
    run: async (options: RunOptions) => {
      asked.push(options);
      return 0;
    },
  };
  expect([await runOperatorCli(args, io, "1"), said]).toEqual([0, ""]);
  return asked[0]!;
}

describe("the Deployment", () => {
  test.each(names)("%s has flags that the operator takes", async (name) => {
    const options = await optionsOf(objectsOf(name));
    expect(options.operatorNamespace).toBe(namespace);
  });

  test("hands every value on", async () => {
    expect(await optionsOf(objectsOf("admission"))).toMatchObject({
      admissionPolicy: "warn",
      settings: {
        clusterDomain: "k8s.example.com",
        denyNamespaces: ["kube-system"],
        pauseCrashloopingPodsThreshold: 0,
      },
    });
    expect(await optionsOf(objectsOf("namespaces"))).toMatchObject({
      settings: { watchNamespaces: ["team-a", "team-b"], denyNamespaces: ["team-c"] },
    });
    expect(await optionsOf(objectsOf("namespaced-only"))).toMatchObject({ webhookAddress: undefined });
    expect(await optionsOf(objectsOf("single"))).toMatchObject({ leaderElect: false });
    expect(await optionsOf(objectsOf("monitoring"))).toMatchObject({
      verbose: true,
      telemetryProperties: { region: "eu-central-1", stage: "prod" },
    });
  });

  test.each(names)("%s satisfies the restricted Pod Security Standard", (name) => {
    const pod = find<Deployment>(objectsOf(name), "Deployment").spec.template.spec;
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(pod.volumes).toBeUndefined();
    for (const { securityContext } of pod.containers)
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
  });
});

test("helm test runs the operator's own check, and nothing selects its pod", async () => {
  interface Check {
    readonly metadata: {
      readonly labels: Record<string, string>;
      readonly annotations: Record<string, string>;
    };
    readonly spec: Deployment["spec"]["template"]["spec"] & { readonly restartPolicy: string };
  }
  interface Selecting {
    readonly kind: string;
    readonly spec: { readonly selector: Record<string, string> };
  }
  for (const name of names) {
    const objects = objectsOf(name);
    const { metadata, spec } = find<Check>(objects, "Pod");
    expect(metadata.annotations["helm.sh/hook"]).toBe("test");
    expect(spec).toMatchObject({ restartPolicy: "Never", securityContext: { runAsNonRoot: true } });
    const [{ args, securityContext }] = spec.containers as [Check["spec"]["containers"][number]];
    expect(securityContext).toMatchObject({ readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } });
    let url: URL | undefined;
    const io = { out: () => {}, err: () => {}, read: () => "", run: async () => 1, applyCrd: async () => "" };
    const check = async (options: { readonly url: URL }) => {
      ({ url } = options);
      return [];
    };
    expect(await runOperatorCli(args, { ...io, check }, "1")).toBe(0);
    const services = objects.filter(({ kind }) => kind === "Service") as never as readonly (Selecting &
      Manifest)[];
    const [service] = services.filter(
      ({ metadata }) => url?.hostname.startsWith(`${metadata.name}.${metadata.namespace}.svc.`) === true,
    );
    expect(service?.spec).toMatchObject({
      ports: expect.arrayContaining([expect.objectContaining({ port: 8090 })]),
    });
    for (const { spec } of services)
      expect(Object.entries(spec.selector).every(([key, value]) => metadata.labels[key] === value)).toBe(
        false,
      );
  }
});

test("the webhook's objects are those that the operator keeps", async () => {
  for (const name of names.filter((each) => each !== "namespaced-only")) {
    const objects = objectsOf(name);
    const options = await optionsOf(objects);
    const wanted = webhookNames({
      name: options.name,
      namespace,
      clusterDomain: options.settings.clusterDomain,
    });
    interface Configuration {
      readonly metadata: { readonly name: string };
      readonly webhooks: readonly {
        clientConfig: { service: Record<string, unknown> };
        timeoutSeconds: number;
      }[];
    }
    const { metadata, webhooks } = find<Configuration>(objects, "ValidatingWebhookConfiguration");
    expect(metadata.name).toBe(wanted.configuration);
    const { service } = webhooks[0]!.clientConfig;
    expect(wanted.hosts).toContain(`${service["name"]}.${service["namespace"]}.svc`);
    expect(service["path"]).toBe(validatePath);
    find(objects, "Service", String(service["name"]));
    // The operator gives up first, and says so as a warning.
    expect(webhooks[0]!.timeoutSeconds).toBeGreaterThan(3);
    const rules = rulesOf(objects, "Role", namespace);
    expect(rules).toContainEqual({
      apiGroups: [""],
      resources: ["secrets"],
      resourceNames: [wanted.secret.name],
      verbs: ["get", "patch"],
    });
    if (options.leaderElect)
      expect(rules).toContainEqual(
        expect.objectContaining({ resources: ["leases"], resourceNames: [options.name] }),
      );
  }
});

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

function rulesOf(objects: readonly Manifest[], kind: string, inNamespace?: string): readonly Rule[] {
  return objects
    .filter((each) => each.kind === kind && each.metadata.namespace === inNamespace)
    .flatMap((each) => each["rules"] as Rule[]);
}

describe("what the operator may do", () => {
  const verbsFor = (rules: readonly Rule[], group: string, plural: string) =>
    new Set(
      rules
        .filter(({ apiGroups, resources }) => apiGroups.includes(group) && resources.includes(plural))
        .flatMap(({ verbs }) => verbs),
    );

  test.each(names)("%s has no wildcard and never lists Secrets", (name) => {
    const rules = objectsOf(name).flatMap((each) => (each["rules"] ?? []) as Rule[]);
    expect(rules.length).toBeGreaterThan(0);
    for (const { apiGroups, resources, verbs } of rules)
      for (const word of [...apiGroups, ...resources, ...verbs]) expect(word).not.toContain("*");
    const secrets = verbsFor(rules, "", "secrets");
    for (const verb of ["list", "watch", "update", "deletecollection"]) expect(secrets.has(verb)).toBe(false);
  });

  test("is enough for every kind that the reconciler reads and writes", () => {
    for (const rules of [
      rulesOf(objectsOf("default"), "ClusterRole"),
      [
        ...rulesOf(objectsOf("namespaces"), "Role", "team-b"),
        ...rulesOf(objectsOf("namespaces"), "ClusterRole"),
      ],
    ]) {
      for (const { group, plural } of Object.values(types))
        expect(verbsFor(rules, group, plural)).toContain("get");
      for (const name of watchedChildren) {
        const verbs = verbsFor(rules, types[name].group, types[name].plural);
        expect([...verbs]).toEqual(expect.arrayContaining(["list", "watch"]));
      }
    }
  });

  test("stays in its namespaces", () => {
    const scoped = rulesOf(objectsOf("namespaces"), "ClusterRole");
    expect(scoped.flatMap(({ resources }) => resources).sort()).toEqual([
      "storageclasses",
      "validatingwebhookconfigurations",
    ]);
    expect(objectsOf("namespaced-only").map(({ kind }) => kind)).not.toContain("ClusterRole");
    for (const kind of ["Role", "RoleBinding"])
      expect(
        objectsOf("namespaces")
          .filter((each) => each.kind === kind)
          .map(({ metadata }) => metadata.namespace)
          .sort(),
      ).toEqual([namespace, "team-a", "team-b"]);
  });
});

test("the CustomResourceDefinition is the operator's, and is kept", () => {
  interface Definition {
    readonly metadata: { readonly annotations?: Record<string, string> };
    readonly spec: unknown;
  }
  const crd = find<Definition>(objectsOf("default"), "CustomResourceDefinition");
  expect(crd.spec).toEqual(JSON.parse(JSON.stringify(customResourceDefinition()["spec"])));
  expect(crd.metadata.annotations).toMatchObject({ "helm.sh/resource-policy": "keep" });
  const gone = find<Definition>(objectsOf("single"), "CustomResourceDefinition");
  expect(gone.metadata.annotations?.["helm.sh/resource-policy"]).toBeUndefined();
  expect(objectsOf("namespaced-only").map(({ kind }) => kind)).not.toContain("CustomResourceDefinition");
});

test("every value is in the schema, and every property of the schema is a value", () => {
  type Node = { readonly properties?: Record<string, Node>; readonly additionalProperties?: unknown };
  const schema = JSON.parse(readFileSync(join(chart, "values.schema.json"), "utf8")) as Node;
  const values = parse(readFileSync(join(chart, "values.yaml"), "utf8")) as Record<string, unknown>;
  const walk = (node: Node, value: Record<string, unknown>, path: string) => {
    const { properties = {} } = node;
    expect([path, node.additionalProperties]).toEqual([path, false]);
    const known = Object.keys(properties).filter((name) => `${path}${name}` !== "global");
    expect([path, Object.keys(value).sort()]).toEqual([path, known.sort()]);
    for (const name of known) {
      const inner = value[name];
      const isMap = typeof inner === "object" && inner !== null && !Array.isArray(inner);
      if (isMap && Object.keys(inner).length > 0 && name !== "resources" && name !== "labels")
        walk(properties[name]!, inner as Record<string, unknown>, `${path}${name}.`);
    }
  };
  walk(schema, values, "");
});

describe("values that cannot be", () => {
  test.each([
    ["an unknown value", { replica: 1 }, /replica.*not allowed/],
    ["an unknown value inside", { webhook: { enable: true } }, /enable.*not allowed/],
    ["a wrong type", { replicas: "two" }, /replicas/],
    ["a wrong policy", { admissionPolicy: "error" }, /admissionPolicy/],
    ["what belongs to later work", { sidecarInjector: { enabled: true } }, /sidecarInjector.*not allowed/],
    [
      "two writers",
      { leaderElection: { enabled: false } },
      /more than one operator needs leaderElection.enabled/,
    ],
    ["no service account", { serviceAccount: { create: false } }, /serviceAccount.name is needed/],
    ["a bad property", { telemetryProperties: { a: "b,c" } }, /telemetryProperties/],
  ])("%s", (_, values, message) => {
    const file = join(scratch, "values.yaml");
    writeFileSync(file, stringify(values));
    expect(() => template(file)).toThrow(message);
  });
});

describe("values of the examples", () => {
  interface Source {
    readonly kind?: string;
    readonly spec?: {
      readonly source?: { readonly helm?: { readonly valuesObject?: object } };
      readonly values?: object;
    };
  }
  test.each(["argocd", "flux"])("%s can be rendered", (tool) => {
    const text = readFileSync(join(repository, "examples", "gitops", tool, "operator.yaml"), "utf8");
    const values = parseAllDocuments(text)
      .map((document) => document.toJS() as Source)
      .flatMap(({ spec }) => spec?.source?.helm?.valuesObject ?? spec?.values ?? []);
    expect(values).toHaveLength(1);
    const file = join(scratch, `${tool}.yaml`);
    writeFileSync(file, stringify(values[0]));
    expect(manifests(template(file)).map(({ kind }) => kind)).toContain("ServiceMonitor");
  });
});

test("the notes name the next command", () => {
  const file = valuesOf("namespaces");
  // Helm prints notes only of a release that it installs: a copy of the chart has them as an object.
  const copy = join(scratch, "spiceai-operator");
  cpSync(chart, copy, { recursive: true });
  renameSync(join(copy, "templates", "NOTES.txt"), join(copy, "notes.txt"));
  writeFileSync(
    join(copy, "templates", "notes.yaml"),
    'kind: Notes\nmetadata: { name: notes }\ntext: {{ tpl (.Files.Get "notes.txt") . | toJson }}\n',
  );
  const objects = manifests(helm("template", "op", copy, "--namespace", namespace, "--values", file));
  const { text } = find<{ text: string }>(objects, "Notes");
  expect(text).toContain("runs in namespace spice-system and watches team-a, team-b, but never team-c.");
  expect(text).toContain("kubectl --namespace spice-system rollout status deployment/op-spiceai-operator");
  expect(text).toContain("kubectl --namespace team-a apply");
});
