import {
  boolean,
  defaulted,
  free,
  integer,
  list,
  map,
  object,
  oneOf,
  optional,
  rule,
  string,
} from "../schema/build.ts";
import type { Infer, Schema } from "../schema/schema.ts";
import { imageOverrideSchema } from "./image.ts";
import {
  envFromSchema,
  envSchema,
  resourcesSchema,
  tolerationsSchema,
  topologySpreadSchema,
  volumeMountsSchema,
  volumesSchema,
} from "./kubernetes.ts";
import { reservedLabels, reservedPrefix, reservedVolumes } from "./names.ts";

type Texts = { readonly [key: string]: string };

const labels: Schema<Texts> = map(
  string({
    pattern: "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$",
    rule: "must be a label value: letters, digits, `-`, `_` and `.`.",
    maxLength: 63,
  }),
  {
    maxProperties: 64,
    rules: [
      rule<Texts>({
        cel: `self.all(k, !k.startsWith('${reservedPrefix}'))`,
        message: `labels that begin with ${reservedPrefix} are reserved for the operator`,
        holds: (self) => Object.keys(self).every((key) => !key.startsWith(reservedPrefix)),
      }),
      rule<Texts>({
        cel: `self.all(k, !(k in ['${reservedLabels.join("', '")}']))`,
        message: `the operator sets ${reservedLabels.join(", ")} itself`,
        holds: (self) => Object.keys(self).every((key) => !reservedLabels.includes(key)),
      }),
    ],
  },
);

const annotations: Schema<Texts> = map(string(), {
  maxProperties: 64,
  rules: [
    rule<Texts>({
      cel: `self.all(k, !k.startsWith('${reservedPrefix}'))`,
      message: `annotations that begin with ${reservedPrefix} are reserved for the operator`,
      holds: (self) => Object.keys(self).every((key) => !key.startsWith(reservedPrefix)),
    }),
  ],
});

const port = (doc: string, value: number) =>
  defaulted(
    object({ port: defaulted(integer({ minimum: 1024, maximum: 65535 }), doc, value) }),
    "The port.",
    {},
  );

const probe = object({
  initialDelaySeconds: optional(integer({ minimum: 0 }), "How long to wait before the first try."),
  periodSeconds: optional(integer({ minimum: 1 }), "How often to try."),
  timeoutSeconds: optional(integer({ minimum: 1 }), "How long one try may take."),
  failureThreshold: optional(integer({ minimum: 1 }), "How many failures in a row count."),
});

export const probesSchema = object({
  startup: optional(probe, "Whether the process has started."),
  readiness: optional(probe, "Whether the node can work."),
  liveness: optional(probe, "Whether the process is alive."),
});

/** Timings of one probe. */
export type ProbeSpec = Infer<typeof probe>;

export const serviceAccountSchema = object(
  {
    enabled: defaulted(boolean(), "Run the pods under a service account of their own.", false),
    create: defaulted(boolean(), "Create it, with a Role and RoleBinding; false uses an existing one.", true),
    name: optional(
      string({ minLength: 1, maxLength: 253 }),
      "Its name; `{cluster}-{role}` when absent. Required when it is not created.",
    ),
    annotations: optional(annotations, "Its annotations, for example the cloud identity that it stands for."),
  },
  {
    rules: [
      rule<{ enabled: boolean; create: boolean; name?: string }>({
        cel: "!self.enabled || self.create || has(self.name)",
        message: "a service account that is not created needs a name",
        field: "name",
        holds: (self) => !self.enabled || self.create || self.name !== undefined,
      }),
    ],
  },
);

const networkSchema = object({
  ingress: optional(
    list(free(), { maxItems: 64 }),
    "Rules of a NetworkPolicy about incoming traffic, as written. Absent: everything may come in.",
  ),
  egress: optional(
    list(free(), { maxItems: 64 }),
    "Rules of a NetworkPolicy about outgoing traffic, as written. DNS, sources and peers must be among them.",
  ),
  dnsPolicy: optional(
    oneOf("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    "The pods' DNS policy; ClusterFirst when absent.",
  ),
  dnsConfig: optional(free(), "The pods' dnsConfig: nameservers, searches, options."),
});

const updateStrategySchema = object(
  {
    type: defaulted(
      oneOf("RollingOrdered", "RollingParallel"),
      "RollingOrdered replaces one node at a time; RollingParallel up to maxUnavailable at once.",
      "RollingOrdered",
    ),
    maxUnavailable: defaulted(integer({ minimum: 1 }), "How many nodes may be down during a rollout.", 1),
  },
  {
    rules: [
      rule<{ type: string; maxUnavailable: number }>({
        cel: "self.type != 'RollingOrdered' || self.maxUnavailable == 1",
        message: "RollingOrdered replaces one node at a time; use RollingParallel for more",
        field: "maxUnavailable",
        holds: (self) => self.type !== "RollingOrdered" || self.maxUnavailable === 1,
      }),
    ],
  },
);

/** What schedulers and executors both take. */
export const nodeFields = {
  image: optional(imageOverrideSchema, "What this role's image has of its own."),
  resources: optional(resourcesSchema, "CPU and memory of the container."),
  http: port("The port of the HTTP API.", 8090),
  flight: port("The port of Arrow Flight SQL.", 50051),
  metrics: port("The port of Prometheus metrics.", 9090),
  cluster: defaulted(
    object({
      bindAddress: defaulted(
        string({
          pattern: "^(\\[[0-9A-Fa-f:]+\\]|[^:\\s]+):[0-9]{1,5}$",
          rule: "must be HOST:PORT.",
          maxLength: 261,
        }),
        "Where the node listens for other nodes.",
        "0.0.0.0:50052",
      ),
    }),
    "Traffic between nodes.",
    {},
  ),
  env: optional(envSchema, "Environment variables; secrets of the spicepod's `env` store come from here."),
  envFromSource: optional(envFromSchema, "All keys of Secrets and ConfigMaps as environment variables."),
  labels: optional(labels, "Labels of this role's workloads and pods."),
  annotations: optional(annotations, "Annotations of this role's workloads and pods."),
  nodeSelector: optional(
    map(string({ maxLength: 63 }), { maxProperties: 64 }),
    "Labels that a node must have.",
  ),
  nodeAffinity: optional(free(), "The nodeAffinity of a pod's affinity, as written."),
  podAntiAffinity: optional(
    free(),
    "The podAntiAffinity of a pod's affinity, as written. Absent: nodes of one role prefer different hosts.",
  ),
  tolerations: optional(tolerationsSchema, "Taints that the pods tolerate."),
  topologySpreadConstraints: optional(topologySpreadSchema, "How the pods spread over zones and hosts."),
  priorityClassName: optional(string({ minLength: 1, maxLength: 253 }), "The pods' priority class."),
  serviceAccount: defaulted(serviceAccountSchema, "The service account of the pods.", {}),
  volumes: optional(volumesSchema, "More volumes of the pods, as in a pod, for volumeMounts to name."),
  volumeMounts: optional(volumeMountsSchema, "Where volumes are mounted in the container."),
  network: optional(networkSchema, "Network policy and DNS."),
  updateStrategy: defaulted(updateStrategySchema, "How a change of the pods is rolled out.", {}),
  terminationGracePeriodSeconds: defaulted(
    integer({ minimum: 15, maximum: 86_400 }),
    "How long a pod may take to stop. The node finishes its running work within ten seconds less than this.",
    60,
  ),
} as const;

interface NodeShape {
  readonly http: { readonly port: number };
  readonly flight: { readonly port: number };
  readonly metrics: { readonly port: number };
  readonly cluster: { readonly bindAddress: string };
  readonly volumes?: readonly { readonly name: string }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
}

const ports = (self: NodeShape) => [
  self.http.port,
  self.flight.port,
  self.metrics.port,
  portOf(self.cluster.bindAddress),
];

/** Directories that the operator mounts itself. */
const ownDirectories = "^/(app|data|tmp|etc/spice)(/|$)";

/** Rules that hold for both roles; `claims` when the role has volume claims. */
export function nodeRules(claims: boolean) {
  const fromClaims = claims
    ? " || (has(self.volumeClaimTemplates) && self.volumeClaimTemplates.exists(c, c.metadata.name == m.name))"
    : "";
  return [
    rule<NodeShape>({
      cel: "self.http.port != self.flight.port && self.http.port != self.metrics.port && self.flight.port != self.metrics.port && !(int(self.cluster.bindAddress.find('[0-9]{1,5}$')) in [self.http.port, self.flight.port, self.metrics.port])",
      message: "http.port, flight.port, metrics.port and the port of cluster.bindAddress must differ",
      holds: (self) => new Set(ports(self)).size === 4,
    }),
    rule<NodeShape>({
      cel: `!has(self.volumes) || self.volumes.all(v, !(v.name in ['${reservedVolumes.join("', '")}']))`,
      message: `the volume names ${reservedVolumes.join(", ")} belong to the operator`,
      field: "volumes",
      holds: (self) => (self.volumes ?? []).every(({ name }) => !reservedVolumes.includes(name)),
    }),
    rule<NodeShape>({
      cel: `!has(self.volumeMounts) || self.volumeMounts.all(m, (has(self.volumes) && self.volumes.exists(v, v.name == m.name))${fromClaims})`,
      message: `every volumeMount must name a volume${claims ? " or a volume claim" : ""} of this role`,
      field: "volumeMounts",
      holds: (self) => {
        const claimed = claims ? (self.volumeClaimTemplates ?? []).map((c) => c.metadata.name) : [];
        const known = [...(self.volumes ?? []).map(({ name }) => name), ...claimed];
        return (self.volumeMounts ?? []).every(({ name }) => known.includes(name));
      },
    }),
    rule<NodeShape>({
      cel: `!has(self.volumeMounts) || self.volumeMounts.all(m, !m.mountPath.matches('${ownDirectories}'))`,
      message: "/app, /data, /tmp and /etc/spice belong to the operator",
      field: "volumeMounts",
      holds: (self) =>
        (self.volumeMounts ?? []).every(({ mountPath }) => !new RegExp(ownDirectories).test(mountPath)),
    }),
  ];
}

/** The port of `HOST:PORT`. */
export function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}

/** A node's spec with defaults, as far as both roles have it. */
export type NodeSpec = Infer<typeof nodeSchema>;
const nodeSchema = object(nodeFields);
