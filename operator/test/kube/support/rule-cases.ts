import type { Json, JsonObject } from "../../../src/schema/schema.ts";

/** A resource that one rule of the schema refuses, and one like it that all rules take. */
export interface RuleCase {
  /** Where the rule stands, with `[]` for the items of a list. */
  readonly at: string;
  /** The beginning of its message. */
  readonly message: string;
  readonly bad: JsonObject;
  readonly good: JsonObject;
  /** What is there before, for rules about changes. */
  readonly before?: JsonObject;
}

type Role = "schedulerSpec" | "executorSpec";

const spicepod = { runtime: { scheduler: { state_location: "s3://bucket/state/" } }, datasets: [] };

/** A small resource with more in one role, or in both. */
export function resource(more: { readonly [R in Role]?: JsonObject } = {}, name = "sales"): JsonObject {
  return {
    apiVersion: "spice.ai/v2",
    kind: "SpicepodCluster",
    metadata: { name },
    spec: { schedulerSpec: { spicepod, ...more.schedulerSpec }, executorSpec: { ...more.executorSpec } },
  };
}

const claim = (name: string, storage: Json, storageClassName?: string): JsonObject => ({
  metadata: { name },
  spec: {
    resources: { requests: { storage } },
    ...(storageClassName === undefined ? {} : { storageClassName }),
  },
});
const claims = (...volumeClaimTemplates: JsonObject[]) =>
  resource({ executorSpec: { volumeClaimTemplates } });

const certificates = (more: JsonObject): JsonObject => {
  const { spec, ...rest } = resource() as { readonly spec: JsonObject };
  return { ...rest, spec: { ...spec, certificates: more } };
};

/** Rules that both roles have. */
function ofRole(role: Role): RuleCase[] {
  const at = (path: string) => `.spec.${role}${path}`;
  const like = (spec: JsonObject) => resource({ [role]: spec });
  const account = (serviceAccount: JsonObject) =>
    like({ serviceAccount: { enabled: true, ...serviceAccount } });
  const volumes = [{ name: "mine", emptyDir: {} }];
  const mount = (mountPath: string, name = "mine") => like({ volumes, volumeMounts: [{ name, mountPath }] });
  return [
    {
      at: at(""),
      message: "http.port, flight.port",
      bad: like({ cluster: { bindAddress: "[::]:9090" } }),
      good: like({ cluster: { bindAddress: "[::]:19090" } }),
    },
    {
      at: at(""),
      message: "the volume names",
      bad: like({ volumes: [{ name: "tls", emptyDir: {} }] }),
      good: like({ volumes }),
    },
    {
      at: at(""),
      message: "every volumeMount must name a volume",
      bad: mount("/mnt", "other"),
      good: mount("/mnt"),
    },
    {
      at: at(""),
      message: "/app, /data, /tmp and /etc/spice",
      bad: mount("/data/x"),
      good: mount("/database"),
    },
    {
      at: at(".env[]"),
      message: "value and valueFrom",
      bad: like({ env: [{ name: "A", value: "1", valueFrom: {} }] }),
      good: like({ env: [{ name: "A", valueFrom: {} }] }),
    },
    {
      at: at(".env[]"),
      message: "the operator sets NODE_ADVERTISE_ADDRESS",
      bad: like({ env: [{ name: "POD_NAME", value: "1" }] }),
      good: like({ env: [{ name: "POD_NAMES", value: "1" }] }),
    },
    {
      at: at(".labels"),
      message: "labels that begin",
      bad: like({ labels: { "spice.ai/x": "1" } }),
      good: like({ labels: { "spice.example/x": "1" } }),
    },
    {
      at: at(".labels"),
      message: "the operator sets app.kubernetes.io/name",
      bad: like({ labels: { "app.kubernetes.io/component": "1" } }),
      good: like({ labels: { "app.kubernetes.io/part-of": "1" } }),
    },
    {
      at: at(".annotations"),
      message: "annotations that begin",
      bad: like({ annotations: { "spice.ai/x": "1" } }),
      good: like({ annotations: { "spice.example/x": "1" } }),
    },
    {
      at: at(".serviceAccount.annotations"),
      message: "annotations that begin",
      bad: account({ annotations: { "spice.ai/x": "1" } }),
      good: account({ annotations: { "spice.example/x": "1" } }),
    },
    {
      at: at(".serviceAccount"),
      message: "a service account that is not created",
      bad: account({ create: false }),
      good: account({ create: false, name: "mine" }),
    },
    {
      at: at(".updateStrategy"),
      message: "RollingOrdered replaces",
      bad: like({ updateStrategy: { maxUnavailable: 2 } }),
      good: like({ updateStrategy: { type: "RollingParallel", maxUnavailable: 2 } }),
    },
  ];
}

const sharedAccount = (create: boolean) => ({ serviceAccount: { enabled: true, create, name: "one" } });

/** A case for every rule of the schema. */
export const ruleCases: readonly RuleCase[] = [
  ...ofRole("schedulerSpec"),
  ...ofRole("executorSpec"),
  {
    at: "",
    message: "the name of a cluster can have at most",
    bad: resource({}, "a".repeat(39)),
    good: resource({}, "a".repeat(38)),
  },
  {
    at: "",
    message: "the name of a cluster is the name of a Service",
    bad: resource({}, "1.a"),
    good: resource({}, "a-1"),
  },
  {
    at: ".spec",
    message: "schedulers and executors cannot both create",
    bad: resource({ schedulerSpec: sharedAccount(true), executorSpec: sharedAccount(true) }),
    good: resource({ schedulerSpec: sharedAccount(true), executorSpec: sharedAccount(false) }),
  },
  {
    at: ".spec.certificates",
    message: "rootSecretRef and issuerRef exclude each other",
    bad: certificates({ rootSecretRef: { name: "mine" }, issuerRef: { name: "ca" } }),
    good: certificates({ issuerRef: { name: "ca", kind: "ClusterIssuer" } }),
  },
  {
    at: ".spec.schedulerSpec",
    message: "exactly one of spicepod and spicepodConfigMapRef",
    bad: resource({ schedulerSpec: { spicepodConfigMapRef: { name: "x" } } }),
    good: { ...resource(), spec: { schedulerSpec: { spicepodConfigMapRef: { name: "x" } } } },
  },
  {
    at: ".spec.schedulerSpec",
    message: "more than one scheduler needs",
    bad: resource({
      schedulerSpec: {
        replicas: 2,
        spicepod: { runtime: { scheduler: { state_location: "file:/state" } }, datasets: [] },
      },
    }),
    good: resource({ schedulerSpec: { replicas: 2 } }),
  },
  {
    at: ".spec.executorSpec",
    message: "volume claims must have different names",
    bad: claims(claim("data", "1Gi"), claim("data", "2Gi")),
    good: claims(claim("data", "1Gi"), claim("more", "2Gi")),
  },
  {
    at: ".spec.executorSpec",
    message: "volume claims cannot be added",
    before: claims(claim("data", "1Gi")),
    bad: claims(claim("data", "1Gi"), claim("more", "2Gi")),
    good: claims(claim("data", "2Gi")),
  },
  {
    at: ".spec.executorSpec",
    message: "a volume can grow but not shrink",
    before: claims(claim("data", "1Gi"), claim("more", 2048)),
    bad: claims(claim("data", "1Gi"), claim("more", "1Ki")),
    good: claims(claim("data", "1024Mi"), claim("more", "3Ki")),
  },
  {
    at: ".spec.executorSpec",
    message: "the storage class of a claim cannot change",
    before: claims(claim("data", "1Gi", "fast")),
    bad: claims(claim("data", "1Gi")),
    good: claims(claim("data", "2Gi", "fast")),
  },
];
