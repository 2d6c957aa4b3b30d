/** Labels, annotations and names that are the operator's own (spec chapter 09). */

export const group = "spice.ai";
export const version = "v2";
export const apiVersion = `${group}/${version}`;
export const kind = "SpicepodCluster";
export const fieldManager = "spice-operator";

/** Keeps a cluster until its nodes have stopped in order. */
export const finalizer = "spice.ai/cluster";

/** Keys that begin with it are refused in users' labels and annotations. */
export const reservedPrefix = "spice.ai/";

/** Standard labels that every object of a cluster carries. */
export const reservedLabels: readonly string[] = [
  "app.kubernetes.io/name",
  "app.kubernetes.io/instance",
  "app.kubernetes.io/component",
  "app.kubernetes.io/managed-by",
];

/** Volumes of every pod. */
export const reservedVolumes: readonly string[] = ["data", "tmp", "tls", "spicepod"];

export const label = {
  cluster: "spice.ai/cluster",
  role: "spice.ai/cluster-role",
  executor: "spice.ai/executor",
} as const;

export const annotation = {
  /** On a pod template: changes when the spicepod changed in a way that a running node cannot take over. */
  restartHash: "spice.ai/restart-hash",
  /** On pod templates of executors, hence on their pods: the digest of the template. */
  templateHash: "spice.ai/template-hash",
  /** On StatefulSets: the digest of everything but what an executor's life changes. */
  shapeHash: "spice.ai/shape-hash",
  /** On every child: the digest of what was applied last. */
  applied: "spice.ai/applied",
  /** On the ConfigMap: what its `metadata.generation` counts. */
  spicepodDigest: "spice.ai/spicepod-digest",
  spicepodGeneration: "spice.ai/spicepod-generation",
  /** On the cluster, by people: any new value asks once. */
  renewCertificates: "spice.ai/renew-certificates",
  rotateRoot: "spice.ai/rotate-root",
  /** On the cluster, by people: any new value ends a pause that the operator decided on. */
  resume: "spice.ai/resume",
  /** On an executor's StatefulSet: why the operator drains it, `removal` or `update`. */
  drainedFor: "spice.ai/drained-for",
  /** On certificate Secrets: durable progress. */
  rotationPhase: "spice.ai/rotation-phase",
  answeredRequest: "spice.ai/answered-request",
  /** On Secrets that cert-manager fills, by cert-manager: the name of the Certificate. */
  issuedFor: "cert-manager.io/certificate-name",
} as const;

export type Role = "scheduler" | "executor";
export const roles: readonly Role[] = ["scheduler", "executor"];

/** The longest name from which every derived name is still a label value. */
export const maxNameLength = 38;

/** Names of a cluster's objects. */
export const names = {
  service: (cluster: string) => cluster,
  workload: (cluster: string, role: Role) => `${cluster}-${role}`,
  executor: (cluster: string, index: number) => `${cluster}-executor-${index}`,
  configMap: (cluster: string) => `${cluster}-spicepod`,
  rootSecret: (cluster: string) => `${cluster}-ca`,
  schedulerSecret: (cluster: string) => `${cluster}-scheduler-tls`,
  executorSecret: (cluster: string, index: number) => `${cluster}-executor-${index}-tls`,
  /** The operator's own leaf, when an issuer signs it. */
  operatorSecret: (cluster: string) => `${cluster}-operator-tls`,
  /** The Job that removes a deleted cluster's state. */
  stateRemoval: (cluster: string) => `${cluster}-state-removal`,
  /** The cert-manager Certificate for a leaf's Secret. */
  certificate: (leafSecret: string) => leafSecret.replace(/-tls$/, ""),
  /** The Secret that cert-manager fills, from which that of the leaf is made. */
  issuedSecret: (leafSecret: string) => leafSecret.replace(/-tls$/, "-issued"),
} as const;
