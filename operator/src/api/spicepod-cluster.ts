import {
  boolean,
  defaulted,
  integer,
  object,
  oneOf,
  optional,
  required,
  rule,
  string,
} from "../schema/build.ts";
import { parseQuantity } from "../schema/quantity.ts";
import type { Infer, Json } from "../schema/schema.ts";
import { imageSchema } from "./image.ts";
import { maxNameLength } from "./names.ts";
import { nodeFields, nodeRules, probesSchema } from "./node-spec.ts";
import { embeddedSpicepod } from "./spicepod-schema.ts";
import { statusSchema } from "./status.ts";
import {
  claimRetentionSchema,
  type VolumeClaimTemplate,
  volumeClaimTemplatesSchema,
} from "./volume-claims.ts";

const objectName = string({ minLength: 1, maxLength: 253 });
const days = string({
  pattern: "^[1-9][0-9]{0,4}d$",
  rule: "must be a whole number of days such as 90d.",
  maxLength: 6,
});

interface SchedulerShape {
  readonly replicas: number;
  readonly spicepod?: { readonly [key: string]: Json };
  readonly spicepodConfigMapRef?: unknown;
}

const schedulerSpecSchema = object(
  {
    ...nodeFields,
    replicas: defaulted(
      integer({ minimum: 1, maximum: 100 }),
      "How many schedulers there are; all are active. More than one need an object store for the state.",
      1,
    ),
    spicepod: optional(
      embeddedSpicepod(),
      "The datasets and how they are accelerated, as in spicepod.yaml. Either this or spicepodConfigMapRef.",
    ),
    spicepodConfigMapRef: optional(
      object({
        name: required(objectName, "The ConfigMap, in the namespace of the cluster."),
        key: defaulted(objectName, "The key that holds the spicepod.", "spicepod.yaml"),
      }),
      "A ConfigMap that holds the spicepod. Either this or spicepod.",
    ),
    probes: optional(probesSchema, "Timings of the schedulers' probes."),
  },
  {
    rules: [
      ...nodeRules(false),
      rule<SchedulerShape>({
        cel: "has(self.spicepod) != has(self.spicepodConfigMapRef)",
        message: "exactly one of spicepod and spicepodConfigMapRef must be given",
        holds: (self) => (self.spicepod === undefined) !== (self.spicepodConfigMapRef === undefined),
      }),
      rule<SchedulerShape>({
        cel: "self.replicas == 1 || !has(self.spicepod) || (has(self.spicepod.runtime) && has(self.spicepod.runtime.scheduler) && has(self.spicepod.runtime.scheduler.state_location) && !self.spicepod.runtime.scheduler.state_location.startsWith('file:'))",
        message:
          "more than one scheduler needs spicepod.runtime.scheduler.state_location on an object store; file:// and the default serve exactly one",
        field: "replicas",
        holds: (self) => self.replicas === 1 || self.spicepod === undefined || sharesState(self.spicepod),
      }),
    ],
  },
);

/** Whether a spicepod names a state location that several schedulers can share. */
export function sharesState(spicepod: Json): boolean {
  const location = at(at(at(spicepod, "runtime"), "scheduler"), "state_location");
  return typeof location === "string" && !location.startsWith("file:");
}

function at(value: Json | undefined, name: string): Json | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as { readonly [key: string]: Json })[name]
    : undefined;
}

interface ExecutorShape {
  readonly volumeClaimTemplates?: readonly VolumeClaimTemplate[];
}

const executorSpecSchema = object(
  {
    ...nodeFields,
    replicas: defaulted(
      integer({ minimum: 0, maximum: 1000 }),
      "How many executors there are. 0 stops all of them and keeps their volumes.",
      1,
    ),
    volumeClaimTemplates: optional(
      volumeClaimTemplatesSchema,
      "Volumes of each executor. The claim `data` holds its partitions; without it they are in an emptyDir.",
    ),
    persistentVolumeClaimRetentionPolicy: optional(claimRetentionSchema, "What becomes of the claims."),
  },
  {
    rules: [
      ...nodeRules(true),
      rule<ExecutorShape>({
        cel: "!has(self.volumeClaimTemplates) || self.volumeClaimTemplates.all(c, self.volumeClaimTemplates.filter(o, o.metadata.name == c.metadata.name).size() == 1)",
        message: "volume claims must have different names",
        field: "volumeClaimTemplates",
        holds: (self) => {
          const given = (self.volumeClaimTemplates ?? []).map((claim) => claim.metadata.name);
          return new Set(given).size === given.length;
        },
      }),
      rule<ExecutorShape>({
        cel: "(has(self.volumeClaimTemplates) ? self.volumeClaimTemplates.map(c, c.metadata.name) : []) == (has(oldSelf.volumeClaimTemplates) ? oldSelf.volumeClaimTemplates.map(c, c.metadata.name) : [])",
        message:
          "volume claims cannot be added, removed or renamed; create another cluster and move the data",
        field: "volumeClaimTemplates",
        transition: true,
        holds: (self, old) => String(claimNames(self)) === String(claimNames(old)),
      }),
      rule<ExecutorShape>({
        // Claims keep their order, as the rule before says; comparing each with each costs more than a rule may.
        cel: "!has(self.volumeClaimTemplates) || !has(oldSelf.volumeClaimTemplates) || [0, 1, 2, 3, 4, 5, 6, 7].all(i, i >= self.volumeClaimTemplates.size() || i >= oldSelf.volumeClaimTemplates.size() || quantity(string(self.volumeClaimTemplates[i].spec.resources.requests.storage)).compareTo(quantity(string(oldSelf.volumeClaimTemplates[i].spec.resources.requests.storage))) >= 0)",
        message: "a volume can grow but not shrink",
        field: "volumeClaimTemplates",
        transition: true,
        holds: (self, old) => pairs(self, old).every(([now, before]) => storageOf(now) >= storageOf(before)),
      }),
      rule<ExecutorShape>({
        cel: "!has(self.volumeClaimTemplates) || !has(oldSelf.volumeClaimTemplates) || self.volumeClaimTemplates.all(c, oldSelf.volumeClaimTemplates.all(o, o.metadata.name != c.metadata.name || (has(o.spec.storageClassName) == has(c.spec.storageClassName) && (!has(o.spec.storageClassName) || o.spec.storageClassName == c.spec.storageClassName))))",
        message: "the storage class of a claim cannot change; create another cluster and move the data",
        field: "volumeClaimTemplates",
        transition: true,
        holds: (self, old) =>
          pairs(self, old).every(
            ([now, before]) => now.spec.storageClassName === before.spec.storageClassName,
          ),
      }),
    ],
  },
);

function claimNames({ volumeClaimTemplates = [] }: ExecutorShape): readonly string[] {
  return volumeClaimTemplates.map(({ metadata }) => metadata.name);
}

type ClaimPair = readonly [VolumeClaimTemplate, VolumeClaimTemplate];

function pairs(self: ExecutorShape, old: ExecutorShape): readonly ClaimPair[] {
  return (self.volumeClaimTemplates ?? []).flatMap((now) =>
    (old.volumeClaimTemplates ?? [])
      .filter((before) => before.metadata.name === now.metadata.name)
      .map((before): ClaimPair => [now, before]),
  );
}

function storageOf(claim: VolumeClaimTemplate): number {
  return parseQuantity(claim.spec.resources.requests.storage) ?? Number.NaN;
}

interface CertificatesShape {
  readonly rootSecretRef?: unknown;
  readonly issuerRef?: unknown;
}

const certificatesSchema = object(
  {
    rootSecretRef: optional(
      object({ name: required(objectName, "The Secret; its keys are tls.crt and tls.key (ECDSA P-256).") }),
      "A root of your own. A change of its certificate starts a root rotation.",
    ),
    issuerRef: optional(
      object({
        name: required(objectName, "The issuer; an Issuer is in the namespace of the cluster."),
        kind: defaulted(
          string({
            pattern: "^[A-Z][A-Za-z0-9]*$",
            rule: "must be a kind such as Issuer or ClusterIssuer.",
            maxLength: 63,
          }),
          "Its kind: Issuer, ClusterIssuer, or one of an external issuer.",
          "Issuer",
        ),
        group: defaulted(objectName, "The API group of its kind.", "cert-manager.io"),
      }),
      "An issuer of cert-manager that signs the nodes' certificates, in place of a root. It must tell its root in ca.crt. Another issuer, or another root of it, starts a root rotation.",
    ),
    rootValidity: defaulted(days, "How long a root that the operator makes is valid.", "3650d"),
    leafValidity: defaulted(
      days,
      "How long a node's certificate is valid, or asked for from an issuer. It is renewed after two thirds.",
      "90d",
    ),
  },
  {
    rules: [
      rule<CertificatesShape>({
        cel: "!(has(self.rootSecretRef) && has(self.issuerRef))",
        message: "rootSecretRef and issuerRef exclude each other: either the root is yours or an issuer's",
        field: "issuerRef",
        holds: (self) => self.rootSecretRef === undefined || self.issuerRef === undefined,
      }),
    ],
  },
);

interface SpecShape {
  readonly schedulerSpec: AccountShape;
  readonly executorSpec: AccountShape;
}

interface AccountShape {
  readonly serviceAccount: { readonly enabled: boolean; readonly create: boolean; readonly name?: string };
}

const ownAccount = ({ serviceAccount: { enabled, create, name } }: AccountShape) =>
  enabled && create ? name : undefined;

export const specSchema = object(
  {
    image: defaulted(imageSchema, "The image of all nodes.", {}),
    allowInsecureConnections: defaulted(
      boolean(),
      "Run without mTLS between nodes. It disables authentication; never use it in production.",
      false,
    ),
    paused: defaulted(
      boolean(),
      "True stops the operator from changing anything of this cluster; what runs goes on running.",
      false,
    ),
    stateRetentionPolicy: optional(
      object({
        whenDeleted: optional(
          oneOf("Delete", "Retain"),
          "The fate of what lies at runtime.scheduler.state_location, on an object store, when the cluster is deleted; Retain when absent. Delete removes it with the schedulers' own rights, once all nodes have stopped.",
        ),
      }),
      "What becomes of the cluster's state.",
    ),
    certificates: defaulted(certificatesSchema, "The certificates of mTLS between nodes.", {}),
    schedulerSpec: required(
      schedulerSpecSchema,
      "The schedulers: they plan queries, serve clients, hold no rows.",
    ),
    executorSpec: defaulted(executorSpecSchema, "The executors: they hold the partitions.", {}),
  },
  {
    rules: [
      rule<SpecShape>({
        cel: `!(${["self.schedulerSpec", "self.executorSpec"].map((s) => `${s}.serviceAccount.enabled && ${s}.serviceAccount.create && has(${s}.serviceAccount.name)`).join(" && ")} && self.schedulerSpec.serviceAccount.name == self.executorSpec.serviceAccount.name)`,
        message:
          "schedulers and executors cannot both create one service account; set create to false for one",
        field: "executorSpec",
        holds: (self) => {
          const name = ownAccount(self.schedulerSpec);
          return name === undefined || name !== ownAccount(self.executorSpec);
        },
      }),
    ],
  },
);

interface RootShape {
  readonly metadata: { readonly name: string };
}

/** The whole resource; `kubectl explain spicepodcluster` prints these sentences. */
export const spicepodClusterSchema = object(
  {
    spec: required(specSchema, "What the cluster should be."),
    status: optional(statusSchema, "What the operator has seen of it. Written by the operator only."),
  },
  {
    open: true,
    rules: [
      rule<RootShape>({
        cel: `self.metadata.name.size() <= ${maxNameLength}`,
        message: `the name of a cluster can have at most ${maxNameLength} characters, since the names of its executors' pods begin with it`,
        field: "metadata.name",
        holds: (self) => self.metadata.name.length <= maxNameLength,
      }),
      rule<RootShape>({
        cel: "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        message:
          "the name of a cluster is the name of a Service: it begins with a letter and has lower-case letters, digits and hyphens only",
        field: "metadata.name",
        holds: (self) => /^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(self.metadata.name),
      }),
    ],
  },
);

/** `spec` with every default applied. */
export type SpicepodClusterSpec = Infer<typeof specSchema>;
export type SchedulerSpec = SpicepodClusterSpec["schedulerSpec"];
export type ExecutorSpec = SpicepodClusterSpec["executorSpec"];
export type ImageSpec = SpicepodClusterSpec["image"];

/** The metadata that rendering needs. */
export interface ClusterMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly generation: number;
  readonly annotations?: { readonly [key: string]: string };
}

/** A checked resource with every default applied. */
export interface SpicepodCluster {
  readonly metadata: ClusterMetadata;
  readonly spec: SpicepodClusterSpec;
}
