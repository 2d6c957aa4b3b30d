import type { JsonObject } from "../../../src/schema/schema.ts";

/** Two resources that differ in one path of `spec`, for its effect to be seen. */
export interface PathCase {
  /** Below `spec`; `[]` stands for the items of a list or the values of a map. */
  readonly path: string;
  readonly one: JsonObject;
  readonly other: JsonObject;
}

type Role = "schedulerSpec" | "executorSpec";
const spicepod = { runtime: { scheduler: { state_location: "s3://bucket/state/" } }, datasets: [] };

const whole = (more: JsonObject): JsonObject => {
  const { schedulerSpec, ...rest } = more as { readonly schedulerSpec?: JsonObject };
  return { schedulerSpec: { spicepod, ...schedulerSpec }, ...rest };
};

const constraint = (more: JsonObject) => ({
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule", ...more },
  ],
});
const toleration = (more: JsonObject) => ({ tolerations: [{ key: "a", operator: "Equal", ...more }] });
const variable = (more: JsonObject) => ({ env: [{ name: "A", ...more }] });
const fromSecret = (key: string) => variable({ valueFrom: { secretKeyRef: { name: "s", key } } });
const account = (more: JsonObject) => ({ serviceAccount: { enabled: true, ...more } });
const volumes = [
  { name: "v", emptyDir: {} },
  { name: "w", emptyDir: {} },
];
const mount = (more: JsonObject) => ({ volumes, volumeMounts: [{ name: "v", mountPath: "/mnt", ...more }] });
const affinity = (key: string) => ({
  requiredDuringSchedulingIgnoredDuringExecution: {
    nodeSelectorTerms: [{ matchExpressions: [{ key, operator: "Exists" }] }],
  },
});
const antiAffinity = (topologyKey: string) => ({
  requiredDuringSchedulingIgnoredDuringExecution: [
    { topologyKey, labelSelector: { matchLabels: { a: "b" } } },
  ],
});
const egressTo = (port: number) => ({ ports: [{ port, protocol: "TCP" }] });

/** Values of one role's fields: with the first, then with the second. */
const ofRole: Readonly<Record<string, readonly [JsonObject, JsonObject]>> = {
  "image.repository": [{ image: { repository: "a" } }, { image: { repository: "b" } }],
  "image.tag": [{ image: { tag: "1" } }, { image: { tag: "2" } }],
  "image.pullPolicy": [{ image: { pullPolicy: "Always" } }, { image: { pullPolicy: "Never" } }],
  "image.pullSecret": [{ image: { pullSecret: "a" } }, { image: { pullSecret: "b" } }],
  "resources.requests[]": [
    { resources: { requests: { cpu: "1" } } },
    { resources: { requests: { cpu: 2 } } },
  ],
  "resources.limits[]": [
    { resources: { limits: { memory: "1Gi" } } },
    { resources: { limits: { memory: "2Gi" } } },
  ],
  "http.port": [{}, { http: { port: 18090 } }],
  "flight.port": [{}, { flight: { port: 18090 } }],
  "metrics.port": [{}, { metrics: { port: 18090 } }],
  "cluster.bindAddress": [{}, { cluster: { bindAddress: "[::]:18090" } }],
  "env[].name": [{ env: [{ name: "A", value: "x" }] }, { env: [{ name: "B", value: "x" }] }],
  "env[].value": [variable({ value: "1" }), variable({ value: "2" })],
  "env[].valueFrom": [fromSecret("a"), fromSecret("b")],
  "envFromSource[].prefix": [
    { envFromSource: [{ secretRef: { name: "s" } }] },
    { envFromSource: [{ secretRef: { name: "s" }, prefix: "P_" }] },
  ],
  "envFromSource[].secretRef.name": [
    { envFromSource: [{ secretRef: { name: "s" } }] },
    { envFromSource: [{ secretRef: { name: "t" } }] },
  ],
  "envFromSource[].configMapRef.name": [
    { envFromSource: [{ configMapRef: { name: "s" } }] },
    { envFromSource: [{ configMapRef: { name: "t" } }] },
  ],
  "labels[]": [{ labels: { a: "1" } }, { labels: { a: "2" } }],
  "annotations[]": [{ annotations: { a: "1" } }, { annotations: { a: "2" } }],
  "nodeSelector[]": [{ nodeSelector: { a: "1" } }, { nodeSelector: { a: "2" } }],
  nodeAffinity: [{ nodeAffinity: affinity("a") }, { nodeAffinity: affinity("b") }],
  podAntiAffinity: [{ podAntiAffinity: antiAffinity("a") }, { podAntiAffinity: antiAffinity("b") }],
  "tolerations[].key": [toleration({}), toleration({ key: "b" })],
  "tolerations[].operator": [toleration({}), toleration({ operator: "Exists" })],
  "tolerations[].value": [toleration({ value: "1" }), toleration({ value: "2" })],
  "tolerations[].effect": [toleration({}), toleration({ effect: "NoSchedule" })],
  "tolerations[].tolerationSeconds": [
    toleration({ effect: "NoExecute", tolerationSeconds: 1 }),
    toleration({ effect: "NoExecute", tolerationSeconds: 2 }),
  ],
  "topologySpreadConstraints[].maxSkew": [constraint({}), constraint({ maxSkew: 2 })],
  "topologySpreadConstraints[].topologyKey": [constraint({}), constraint({ topologyKey: "host" })],
  "topologySpreadConstraints[].whenUnsatisfiable": [
    constraint({}),
    constraint({ whenUnsatisfiable: "ScheduleAnyway" }),
  ],
  "topologySpreadConstraints[].minDomains": [constraint({}), constraint({ minDomains: 2 })],
  "topologySpreadConstraints[].labelSelector": [
    constraint({}),
    constraint({ labelSelector: { matchLabels: { a: "b" } } }),
  ],
  "topologySpreadConstraints[].nodeAffinityPolicy": [
    constraint({}),
    constraint({ nodeAffinityPolicy: "Ignore" }),
  ],
  "topologySpreadConstraints[].nodeTaintsPolicy": [constraint({}), constraint({ nodeTaintsPolicy: "Honor" })],
  "topologySpreadConstraints[].matchLabelKeys[]": [
    constraint({ matchLabelKeys: ["a"] }),
    constraint({ matchLabelKeys: ["b"] }),
  ],
  priorityClassName: [{ priorityClassName: "a" }, { priorityClassName: "b" }],
  "serviceAccount.enabled": [{}, account({})],
  "serviceAccount.create": [account({ name: "mine" }), account({ name: "mine", create: false })],
  "serviceAccount.name": [account({ name: "a" }), account({ name: "b" })],
  "serviceAccount.annotations[]": [
    account({ annotations: { a: "1" } }),
    account({ annotations: { a: "2" } }),
  ],
  "volumes[].name": [{ volumes: [{ name: "a", emptyDir: {} }] }, { volumes: [{ name: "b", emptyDir: {} }] }],
  "volumeMounts[].name": [mount({}), mount({ name: "w" })],
  "volumeMounts[].mountPath": [mount({}), mount({ mountPath: "/other" })],
  "volumeMounts[].subPath": [mount({}), mount({ subPath: "x" })],
  "volumeMounts[].readOnly": [mount({}), mount({ readOnly: true })],
  "network.ingress[]": [{ network: { ingress: [egressTo(1)] } }, { network: { ingress: [egressTo(2)] } }],
  "network.egress[]": [{ network: { egress: [egressTo(1)] } }, { network: { egress: [egressTo(2)] } }],
  "network.dnsPolicy": [{}, { network: { dnsPolicy: "Default" } }],
  "network.dnsConfig": [
    { network: { dnsConfig: { nameservers: ["10.0.0.1"] } } },
    { network: { dnsConfig: { nameservers: ["10.0.0.2"] } } },
  ],
  terminationGracePeriodSeconds: [{}, { terminationGracePeriodSeconds: 90 }],
  replicas: [{}, { replicas: 2 }],
};

const probes: Record<string, readonly [JsonObject, JsonObject]> = Object.fromEntries(
  ["startup", "readiness", "liveness"].flatMap((probe) =>
    ["initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold"].map((field) => [
      `probes.${probe}.${field}`,
      [{ probes: { [probe]: { [field]: 11 } } }, { probes: { [probe]: { [field]: 12 } } }],
    ]),
  ),
);

const claim = ({ metadata, spec }: { readonly metadata?: JsonObject; readonly spec?: JsonObject }) => ({
  volumeClaimTemplates: [
    {
      metadata: { name: "data", ...metadata },
      spec: { resources: { requests: { storage: "1Gi" } }, ...spec },
    },
  ],
});

const ofExecutors: Record<string, readonly [JsonObject, JsonObject]> = {
  "volumeClaimTemplates[].metadata.name": [claim({}), claim({ metadata: { name: "more" } })],
  "volumeClaimTemplates[].metadata.labels[]": [
    claim({ metadata: { labels: { a: "1" } } }),
    claim({ metadata: { labels: { a: "2" } } }),
  ],
  "volumeClaimTemplates[].metadata.annotations[]": [
    claim({ metadata: { annotations: { a: "1" } } }),
    claim({ metadata: { annotations: { a: "2" } } }),
  ],
  "volumeClaimTemplates[].spec.storageClassName": [claim({}), claim({ spec: { storageClassName: "fast" } })],
  "volumeClaimTemplates[].spec.accessModes[]": [
    claim({}),
    claim({ spec: { accessModes: ["ReadWriteOncePod"] } }),
  ],
  "volumeClaimTemplates[].spec.resources.requests.storage": [
    claim({}),
    claim({ spec: { resources: { requests: { storage: "2Gi" } } } }),
  ],
  "persistentVolumeClaimRetentionPolicy.whenDeleted": [
    claim({}),
    { ...claim({}), persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete" } },
  ],
};

const inRole = (role: Role, cases: Readonly<Record<string, readonly [JsonObject, JsonObject]>>): PathCase[] =>
  Object.entries(cases).map(([path, [one, other]]) => ({
    path: `${role}.${path}`,
    one: whole({ [role]: one }),
    other: whole({ [role]: other }),
  }));

/** Paths whose effect is in the objects that are rendered. */
export const renderedCases: readonly PathCase[] = [
  ...inRole("schedulerSpec", { ...ofRole, ...probes }),
  ...inRole("executorSpec", { ...ofRole, ...ofExecutors }),
  ...Object.entries(ofRole)
    .filter(([path]) => path.startsWith("image."))
    .map(([path, [one, other]]) => ({ path, one: whole(one), other: whole(other) })),
  {
    path: "schedulerSpec.updateStrategy.type",
    one: whole({ schedulerSpec: { replicas: 2 } }),
    other: whole({ schedulerSpec: { replicas: 2, updateStrategy: { type: "RollingParallel" } } }),
  },
  {
    path: "schedulerSpec.updateStrategy.maxUnavailable",
    one: whole({ schedulerSpec: { updateStrategy: { type: "RollingParallel" } } }),
    other: whole({ schedulerSpec: { updateStrategy: { type: "RollingParallel", maxUnavailable: 2 } } }),
  },
  { path: "allowInsecureConnections", one: whole({}), other: whole({ allowInsecureConnections: true }) },
  ...["name", "kind", "group"].map((field) => ({
    path: `certificates.issuerRef.${field}`,
    one: whole({ certificates: { issuerRef: { name: "a" } } }),
    other: whole({ certificates: { issuerRef: { name: "a", [field]: "Other" } } }),
  })),
  {
    path: "schedulerSpec.spicepod",
    one: whole({}),
    other: whole({ schedulerSpec: { spicepod: { ...spicepod, name: "other" } } }),
  },
];

/** Paths whose effect is in what the operator does, each proved by a test of its own. */
export const livedPaths = [
  "paused",
  "stateRetentionPolicy.whenDeleted",
  "certificates.rootSecretRef.name",
  "certificates.rootValidity",
  "certificates.leafValidity",
  "schedulerSpec.spicepodConfigMapRef.name",
  "schedulerSpec.spicepodConfigMapRef.key",
  "executorSpec.updateStrategy.type",
  "executorSpec.updateStrategy.maxUnavailable",
  "executorSpec.persistentVolumeClaimRetentionPolicy.whenScaled",
] as const;

/** Paths of which only one value is taken: that another is refused is all their effect. */
export const singleValued: readonly { readonly path: string; readonly refused: JsonObject }[] = [
  {
    path: "executorSpec.volumeClaimTemplates[].spec.volumeMode",
    refused: whole({ executorSpec: claim({ spec: { volumeMode: "Block" } }) }),
  },
];
