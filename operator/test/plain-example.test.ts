import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { parse, parseAllDocuments } from "yaml";
import { builtInAccelerators } from "../../runtime/src/adapters/engine/registry.ts";
import { compileApp } from "../../runtime/src/bin/compile-app.ts";
import { checkRole, parseFlags, resolveRole } from "../../runtime/src/bin/flags.ts";

/** Manifests without an operator, as users have them: existing ones must go on working. */
const folder = join(import.meta.dirname, "..", "..", "examples", "plain");

interface Container {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: object }[];
  readonly ports: readonly { readonly containerPort: number; readonly name: string }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Workload {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly replicas: number;
    readonly serviceName?: string;
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: {
        readonly containers: readonly [Container];
        readonly volumes: readonly { readonly name: string }[];
        readonly securityContext: object;
      };
    };
  };
}

interface Service {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly clusterIP?: string;
    readonly selector: Readonly<Record<string, string>>;
    readonly ports: readonly object[];
  };
}

const kustomization = parse(readFileSync(join(folder, "kustomization.yaml"), "utf8")) as {
  readonly resources: readonly string[];
};
const objects = kustomization.resources.flatMap((file) =>
  parseAllDocuments(readFileSync(join(folder, file), "utf8")).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as { kind: string; metadata: { name: string } };
  }),
);
const object = <T>(kind: string, name: string) => {
  const found = objects.find((each) => each.kind === kind && each.metadata.name === name);
  expect(found).toBeDefined();
  return found as never as T;
};

const ports = [
  { containerPort: 8090, name: "http" },
  { containerPort: 50051, name: "flight" },
  { containerPort: 9090, name: "metrics" },
  { containerPort: 50052, name: "cluster" },
];
const mounts = [
  { name: "certs", mountPath: "/certs", readOnly: true },
  { name: "spicepod", mountPath: "/app/spicepod.yaml", subPath: "spicepod.yaml" },
];
const shared = ["--http", "0.0.0.0:8090", "--flight", "0.0.0.0:50051", "--metrics", "0.0.0.0:9090"];

const roles = [
  {
    role: "scheduler",
    apiVersion: "apps/v1",
    kind: "Deployment",
    name: "spice-scheduler",
    replicas: 1,
    command: [
      "/usr/local/bin/spiced",
      ...shared,
      ...["--role", "scheduler", "--node-bind-address", "0.0.0.0:50052"],
      ...["--node-advertise-address", "spice-scheduler.default.svc.cluster.local"],
      ...["--node-mtls-ca-certificate-file", "/certs/ca-cert.pem"],
      ...["--node-mtls-certificate-file", "/certs/scheduler-cert.pem"],
      ...["--node-mtls-key-file", "/certs/scheduler-key.pem"],
    ],
    env: undefined,
    advertised: "spice-scheduler.default.svc.cluster.local",
  },
  {
    role: "executor",
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    name: "spice-executor",
    serviceName: "spice-executor",
    replicas: 3,
    command: [
      "/usr/local/bin/spiced",
      ...shared,
      ...["--role", "executor"],
      ...["--scheduler-address", "https://spice-scheduler.default.svc.cluster.local:50052"],
      ...["--node-bind-address", "0.0.0.0:50052"],
      ...["--node-mtls-ca-certificate-file", "/certs/ca-cert.pem"],
      ...["--node-mtls-certificate-file", "/certs/executor-cert.pem"],
      ...["--node-mtls-key-file", "/certs/executor-key.pem"],
    ],
    env: [
      { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      { name: "NODE_ADVERTISE_ADDRESS", value: "$(POD_NAME).spice-executor.default.svc.cluster.local" },
    ],
    advertised: "spice-executor-0.spice-executor.default.svc.cluster.local",
  },
] as const;

test.each(roles)("the $role has the names, flags, ports and mounts that it always had", (expected) => {
  const { apiVersion, metadata, spec } = object<Workload>(expected.kind, expected.name);
  expect(apiVersion).toBe(expected.apiVersion);
  expect(metadata.name).toBe(expected.name);
  expect(spec.replicas).toBe(expected.replicas);
  expect(spec.serviceName).toBe("serviceName" in expected ? expected.serviceName : undefined);
  expect(spec.selector.matchLabels).toEqual({ app: expected.name });
  expect(spec.template.metadata.labels).toMatchObject({ app: expected.name });
  const [container] = spec.template.spec.containers;
  expect(container.name).toBe("spiceai");
  expect(container.image).toBe("spiceai/spiceai:latest");
  expect(container.command).toEqual(expected.command);
  expect(container.env).toEqual(expected.env);
  expect(container.ports).toEqual(ports);
  expect(container.volumeMounts.slice(0, 2)).toEqual(mounts);
  expect(spec.template.spec.volumes.slice(0, 2)).toMatchObject([
    { name: "certs", secret: { secretName: "cluster-certs" } },
    { name: "spicepod", configMap: { name: "spice-config" } },
  ]);
});

test.each(roles)(
  "the $role's command line is one that spiced runs",
  ({ role, kind, name, env, advertised }) => {
    const [container] = object<Workload>(kind, name).spec.template.spec.containers;
    const pod = "spice-executor-0";
    const variables = Object.fromEntries(
      (env ?? []).map((each) => [each.name, "value" in each ? each.value.replace("$(POD_NAME)", pod) : pod]),
    );
    const outcome = parseFlags(container.command.slice(1), variables);
    if (outcome.kind !== "run") throw new Error(JSON.stringify(outcome));
    expect(resolveRole(outcome.options, { hasScheduler: false })).toBe(role);
    expect(checkRole(role, outcome.options)).toBeUndefined();
    expect(outcome.options.nodeAdvertise?.host).toBe(advertised);
    // Every probe asks a port that has a name, and every writable place is mounted.
    expect(container.volumeMounts.slice(2)).toEqual([
      { name: "data", mountPath: "/data" },
      { name: "tmp", mountPath: "/tmp" },
    ]);
  },
);

test("services lead to the pods on the ports that they always had", () => {
  const scheduler = object<Service>("Service", "spice-scheduler");
  expect(scheduler.spec).toEqual({
    publishNotReadyAddresses: true,
    selector: { app: "spice-scheduler" },
    ports: ports.map(({ containerPort, name }) => ({ port: containerPort, name })),
  });
  expect(object<Service>("Service", "spice-executor").spec).toEqual({
    clusterIP: "None",
    publishNotReadyAddresses: true,
    selector: { app: "spice-executor" },
    ports: [{ port: 50052, name: "cluster" }],
  });
});

test("the ConfigMap is made of a spicepod that the runtime takes", () => {
  expect(kustomization).toMatchObject({
    namespace: "default",
    configMapGenerator: [{ name: "spice-config", files: ["spicepod.yaml"] }],
    generatorOptions: { disableNameSuffixHash: true },
  });
  const warnings: string[] = [];
  const app = compileApp(readFileSync(join(folder, "spicepod.yaml"), "utf8"), {
    file: "spicepod.yaml",
    mode: "cluster",
    registry: builtInAccelerators(),
    warn: (message) => warnings.push(message),
  });
  expect(app.tables.map((table) => [table.name, table.partitionBy])).toEqual([
    ["events", ["bucket(12, user_id)"]],
  ]);
  // The one scheduler keeps its state on its volume.
  expect(warnings).toEqual([expect.stringContaining("runtime.scheduler.state_location")]);
});

test("pods keep the restricted Pod Security Standard", () => {
  for (const { kind, name } of roles) {
    const { spec } = object<Workload>(kind, name).spec.template;
    expect(spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 65532,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(spec.containers[0]).toMatchObject({
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      },
    });
  }
});

test("the README makes the Secret with the keys that the mounts name", () => {
  const readme = readFileSync(join(folder, "README.md"), "utf8");
  const names = [
    "ca-cert.pem",
    "scheduler-cert.pem",
    "scheduler-key.pem",
    "executor-cert.pem",
    "executor-key.pem",
  ];
  expect([...readme.matchAll(/--from-file=([^=\s]+)=\1/g)].map(([, name]) => name)).toEqual(names);
});

/** Command lines of clusters on hosts, beside those of the manifests: with and without mutual TLS. */
const shell = "--http 0.0.0.0:8090 --flight 0.0.0.0:50051";
const certificates = (node: string) =>
  `--node-mtls-ca-certificate-file ca-cert.pem --node-mtls-certificate-file ${node}-cert.pem --node-mtls-key-file ${node}-key.pem`;
const joins = "--role executor --scheduler-address https://scheduler.example.com:50052";
const advertised = "--node-bind-address 0.0.0.0:50052 --node-advertise-address executor-1.example.com";

test.each([
  ["scheduler", `${shell} --role scheduler --node-bind-address 0.0.0.0:50052 ${certificates("scheduler")}`],
  ["executor", `${shell} ${joins} ${advertised} ${certificates("executor")}`],
  ["scheduler", "--role scheduler --allow-insecure-connections"],
  ["executor", "--role executor --scheduler-address http://localhost:50052 --allow-insecure-connections"],
])("a %s on a host runs by the flags that it always had: %s", (role, line) => {
  const outcome = parseFlags(line.split(" "), {});
  if (outcome.kind !== "run") throw new Error(JSON.stringify(outcome));
  expect(resolveRole(outcome.options, { hasScheduler: false })).toBe(role);
  expect(checkRole(outcome.options.role ?? "single", outcome.options)).toBeUndefined();
  expect(outcome.options.nodeAdvertise?.host).toBe(
    line.includes(advertised) ? "executor-1.example.com" : undefined,
  );
});

test.each(["scheduler", "executor"])("a %s without certificates says what it lacks", (role) => {
  const bare = `${shell} --metrics 0.0.0.0:9090 ${role === "executor" ? joins : "--role scheduler"}`;
  const outcome = parseFlags(bare.split(" "), {});
  if (outcome.kind !== "run") throw new Error(JSON.stringify(outcome));
  expect(checkRole(outcome.options.role ?? "single", outcome.options)).toContain(
    "--allow-insecure-connections",
  );
});
