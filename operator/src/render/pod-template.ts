import { annotation, names, type Role } from "../api/names.ts";
import { type NodeSpec, portOf } from "../api/node-spec.ts";
import type { JsonObject } from "../schema/schema.ts";
import type { RenderContext } from "./context.ts";
import { directories, flagsOf } from "./flags.ts";
import { labelsOf, selectorOf } from "./metadata.ts";
import { probesOf } from "./probes.ts";
import { accountName } from "./service-account.ts";
import { restartHash, spicepodOf } from "./spicepod.ts";

/** The user of the image, which owns /data. */
const userId = 65532;

/** What the two workloads tell apart. */
export interface PodParts {
  readonly role: Role;
  readonly executor?: number;
  readonly env: readonly JsonObject[];
  readonly tlsSecret: string;
  /** Volumes besides those of every pod; `data` is among them or comes from a claim. */
  readonly volumes: readonly JsonObject[];
}

/** The pod template of a role: restricted Pod Security, flags, probes, mounts (spec chapter 09). */
export function renderPodTemplate(context: RenderContext, parts: PodParts): JsonObject {
  const { spec } = context.cluster;
  const { name } = context.cluster.metadata;
  const node: NodeSpec = parts.role === "scheduler" ? spec.schedulerSpec : spec.executorSpec;
  const image = { ...spec.image, ...node.image };
  return {
    metadata: {
      labels: labelsOf(name, parts.role, node.labels, parts.executor),
      annotations: { ...node.annotations, [annotation.restartHash]: restartHash(spicepodOf(context)) },
    },
    spec: {
      ...given("serviceAccountName", accountName(name, parts.role, node)),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: node.terminationGracePeriodSeconds,
      ...(image.pullSecret === undefined ? {} : { imagePullSecrets: [{ name: image.pullSecret }] }),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: userId,
        runAsGroup: userId,
        fsGroup: userId,
        fsGroupChangePolicy: "OnRootMismatch",
        seccompProfile: { type: "RuntimeDefault" },
      },
      ...given("nodeSelector", node.nodeSelector),
      affinity: affinityOf(node, name, parts.role),
      ...given("tolerations", node.tolerations),
      ...given("topologySpreadConstraints", spreadOf(node, name, parts.role)),
      ...given("priorityClassName", node.priorityClassName),
      ...given("dnsPolicy", node.network?.dnsPolicy),
      ...given("dnsConfig", node.network?.dnsConfig),
      containers: [
        {
          name: "spiced",
          image: `${image.repository}:${image.tag}`,
          imagePullPolicy: image.pullPolicy,
          command: ["/usr/local/bin/spiced"],
          args: flagsOf(context, parts.role),
          ports: [
            { name: "http", containerPort: node.http.port },
            { name: "flight", containerPort: node.flight.port },
            { name: "metrics", containerPort: node.metrics.port },
            { name: "cluster", containerPort: portOf(node.cluster.bindAddress) },
          ],
          env: [...parts.env, ...((node.env ?? []) as readonly JsonObject[])],
          ...given("envFrom", node.envFromSource),
          ...given("resources", node.resources),
          // What it said last is in the pod's status then, and from there in the cluster's conditions.
          terminationMessagePolicy: "FallbackToLogsOnError",
          ...probesOf(parts.role === "scheduler" ? spec.schedulerSpec.probes : undefined),
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
          volumeMounts: [
            { name: "data", mountPath: directories.data },
            { name: "tmp", mountPath: directories.tmp },
            ...(spec.allowInsecureConnections
              ? []
              : [{ name: "tls", mountPath: directories.tls, readOnly: true }]),
            ...(parts.role === "scheduler"
              ? [{ name: "spicepod", mountPath: directories.spicepod, readOnly: true }]
              : []),
            ...((node.volumeMounts ?? []) as readonly JsonObject[]),
          ],
        },
      ],
      volumes: [
        ...parts.volumes,
        { name: "tmp", emptyDir: {} },
        ...(spec.allowInsecureConnections
          ? []
          : [{ name: "tls", secret: { secretName: parts.tlsSecret, defaultMode: 0o440 } }]),
        ...(parts.role === "scheduler"
          ? [{ name: "spicepod", configMap: { name: names.configMap(name) } }]
          : []),
        ...((node.volumes ?? []) as readonly JsonObject[]),
      ],
    },
  };
}

function affinityOf(node: NodeSpec, cluster: string, role: Role): JsonObject {
  const apart = {
    weight: 100,
    podAffinityTerm: {
      topologyKey: "kubernetes.io/hostname",
      labelSelector: { matchLabels: selectorOf(cluster, role) },
    },
  };
  return {
    ...given("nodeAffinity", node.nodeAffinity),
    podAntiAffinity: node.podAntiAffinity ?? {
      preferredDuringSchedulingIgnoredDuringExecution: [apart],
    },
  };
}

function spreadOf(node: NodeSpec, cluster: string, role: Role): readonly JsonObject[] | undefined {
  const constraints = node.topologySpreadConstraints as readonly JsonObject[] | undefined;
  return constraints?.map((constraint) => ({
    labelSelector: { matchLabels: selectorOf(cluster, role) },
    ...constraint,
  }));
}

function given(field: string, value: unknown): JsonObject {
  return value === undefined ? {} : { [field]: value as JsonObject };
}
