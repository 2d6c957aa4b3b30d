import { describe, expect, test } from "@jest/globals";
import type { Json } from "../schema/schema.ts";
import { formatFieldProblem, validateCluster } from "./validate.ts";

type Spec = { readonly [key: string]: Json };
const spicepod = { runtime: { scheduler: { state_location: "s3://bucket/state/" } }, datasets: [] };

function resource(scheduler: Spec = {}, executor: Spec = {}, more: Spec = {}, name = "sales"): Json {
  return {
    apiVersion: "spice.ai/v2",
    kind: "SpicepodCluster",
    metadata: { name, namespace: "data" },
    spec: { schedulerSpec: { spicepod, ...scheduler }, executorSpec: executor, ...more },
  };
}

const problemsOf = (value: Json, old?: Json) =>
  (validateCluster(value, old).problems ?? []).map(formatFieldProblem);

test("defaults are those of the chapter", () => {
  const { cluster } = validateCluster(resource());
  expect(cluster?.spec).toMatchObject({
    image: { pullPolicy: "IfNotPresent" },
    allowInsecureConnections: false,
    paused: false,
    schedulerSpec: { replicas: 1 },
    executorSpec: { replicas: 1 },
  });
  for (const node of [cluster?.spec.schedulerSpec, cluster?.spec.executorSpec]) {
    expect(node).toMatchObject({
      http: { port: 8090 },
      flight: { port: 50051 },
      metrics: { port: 9090 },
      cluster: { bindAddress: "0.0.0.0:50052" },
      updateStrategy: { type: "RollingOrdered", maxUnavailable: 1 },
      terminationGracePeriodSeconds: 60,
    });
  }
});

const claim = (storage: string, more: Spec = {}, name = "data") => ({
  metadata: { name },
  spec: { resources: { requests: { storage } }, ...more },
});

describe("problems", () => {
  const cases: readonly [string, Json, Json | undefined, readonly string[]][] = [
    ["not a resource", [], undefined, ["This is not a Kubernetes resource."]],
    [
      "another kind",
      { apiVersion: "v1", kind: "Pod" },
      undefined,
      ["apiVersion: must be spice.ai/v2 SpicepodCluster, found v1 Pod."],
    ],
    [
      "unknown field",
      resource({ replica: 2 }),
      undefined,
      ["spec.schedulerSpec.replica: unknown field. Did you mean replicas?"],
    ],
    [
      "wrong types",
      resource({ replicas: "2", env: {} }),
      undefined,
      [
        "spec.schedulerSpec.env: must be a list, found a mapping.",
        'spec.schedulerSpec.replicas: must be a whole number, found "2".',
      ],
    ],
    [
      "no scheduler",
      resource({ replicas: 0 }),
      undefined,
      ["spec.schedulerSpec.replicas: must be at least 1, found 0."],
    ],
    [
      "two spicepods",
      resource({ spicepodConfigMapRef: { name: "x" } }),
      undefined,
      ["spec.schedulerSpec: exactly one of spicepod and spicepodConfigMapRef must be given"],
    ],
    [
      "local state for two",
      resource({ replicas: 2, spicepod: { datasets: [] } }),
      undefined,
      [
        "spec.schedulerSpec.replicas: more than one scheduler needs spicepod.runtime.scheduler.state_location on an object store; file:// and the default serve exactly one",
      ],
    ],
    [
      "long name",
      resource({}, {}, {}, "a".repeat(39)),
      undefined,
      [
        "metadata.name: the name of a cluster can have at most 38 characters, since the names of its executors' pods begin with it",
      ],
    ],
    [
      "name that is no service name",
      resource({}, {}, {}, "1.a"),
      undefined,
      [
        "metadata.name: the name of a cluster is the name of a Service: it begins with a letter and has lower-case letters, digits and hyphens only",
      ],
    ],
    [
      "the embedded spicepod",
      resource({ spicepod: { datasets: [{ from: "file:x.parquet", name: "x", acceleratoin: {} }] } }),
      undefined,
      [
        "spec.schedulerSpec.spicepod.datasets[0].acceleratoin: unknown field `acceleratoin`. Did you mean `acceleration`?",
      ],
    ],
    [
      "reserved labels and annotations",
      resource({ labels: { "spice.ai/cluster": "x" } }, { annotations: { "spice.ai/y": "" } }),
      undefined,
      [
        "spec.schedulerSpec.labels: labels that begin with spice.ai/ are reserved for the operator",
        "spec.executorSpec.annotations: annotations that begin with spice.ai/ are reserved for the operator",
      ],
    ],
    [
      "standard labels",
      resource({ labels: { "app.kubernetes.io/name": "x" } }),
      undefined,
      [
        "spec.schedulerSpec.labels: the operator sets app.kubernetes.io/name, app.kubernetes.io/instance, app.kubernetes.io/component, app.kubernetes.io/managed-by itself",
      ],
    ],
    [
      "ports that collide",
      resource({ http: { port: 50052 } }),
      undefined,
      [
        "spec.schedulerSpec: http.port, flight.port, metrics.port and the port of cluster.bindAddress must differ",
      ],
    ],
    [
      "ordered rollout of many",
      resource({}, { updateStrategy: { maxUnavailable: 2 } }),
      undefined,
      [
        "spec.executorSpec.updateStrategy.maxUnavailable: RollingOrdered replaces one node at a time; use RollingParallel for more",
      ],
    ],
    [
      "service account without a name",
      resource({}, { serviceAccount: { enabled: true, create: false } }),
      undefined,
      ["spec.executorSpec.serviceAccount.name: a service account that is not created needs a name"],
    ],
    [
      "reserved variable",
      resource({ env: [{ name: "POD_NAME", value: "x" }] }),
      undefined,
      ["spec.schedulerSpec.env[0].name: the operator sets NODE_ADVERTISE_ADDRESS and POD_NAME itself"],
    ],
    [
      "variable with two values, and twice",
      resource({
        env: [
          { name: "A", value: "x", valueFrom: {} },
          { name: "A", value: "y" },
        ],
      }),
      undefined,
      [
        "spec.schedulerSpec.env[0]: value and valueFrom exclude each other",
        "spec.schedulerSpec.env[1]: repeats an earlier entry.",
      ],
    ],
    [
      "mount of nothing, over our directory",
      resource({ volumeMounts: [{ name: "x", mountPath: "/data/x" }] }),
      undefined,
      [
        "spec.schedulerSpec.volumeMounts: every volumeMount must name a volume of this role",
        "spec.schedulerSpec.volumeMounts: /app, /data, /tmp and /etc/spice belong to the operator",
      ],
    ],
    [
      "reserved volume",
      resource({ volumes: [{ name: "tls", emptyDir: {} }] }),
      undefined,
      ["spec.schedulerSpec.volumes: the volume names data, tmp, tls, spicepod belong to the operator"],
    ],
    [
      "two claims of one name",
      resource({}, { volumeClaimTemplates: [claim("1Gi"), claim("2Gi")] }),
      undefined,
      ["spec.executorSpec.volumeClaimTemplates: volume claims must have different names"],
    ],
    [
      "a shrinking volume",
      resource({}, { volumeClaimTemplates: [claim("900Mi")] }),
      resource({}, { volumeClaimTemplates: [claim("1Gi")] }),
      ["spec.executorSpec.volumeClaimTemplates: a volume can grow but not shrink"],
    ],
    [
      "another claim",
      resource({}, { volumeClaimTemplates: [claim("1Gi")] }),
      resource(),
      [
        "spec.executorSpec.volumeClaimTemplates: volume claims cannot be added, removed or renamed; create another cluster and move the data",
      ],
    ],
    [
      "one service account made twice",
      resource(
        { serviceAccount: { enabled: true, name: "x" } },
        { serviceAccount: { enabled: true, name: "x" } },
      ),
      undefined,
      [
        "spec.executorSpec: schedulers and executors cannot both create one service account; set create to false for one",
      ],
    ],
    [
      "another storage class",
      resource({}, { volumeClaimTemplates: [claim("1Gi", { storageClassName: "b" })] }),
      resource({}, { volumeClaimTemplates: [claim("1Gi", { storageClassName: "a" })] }),
      [
        "spec.executorSpec.volumeClaimTemplates: the storage class of a claim cannot change; create another cluster and move the data",
      ],
    ],
    [
      "a size that is none",
      resource({}, { volumeClaimTemplates: [claim("much")] }),
      undefined,
      [
        'spec.executorSpec.volumeClaimTemplates[0].spec.resources.requests.storage: must be a quantity such as 500m or 200Gi, found "much".',
      ],
    ],
  ];
  test.each(cases)("%s", (_, value, old, expected) => {
    expect(problemsOf(value, old)).toEqual(expected);
  });
});

test("growth, replicas 0 and a mounted claim are fine", () => {
  const mounted = {
    replicas: 0,
    volumeClaimTemplates: [claim("2Gi"), claim("1Gi", {}, "spill")],
    volumeMounts: [{ name: "spill", mountPath: "/spill" }],
  };
  const before = resource({}, { volumeClaimTemplates: [claim("1Gi"), claim("1Gi", {}, "spill")] });
  expect(problemsOf(resource({}, mounted), before)).toEqual([]);
});

test("warnings name what is seldom meant", () => {
  const value = resource(
    { spicepod: { datasets: [] } },
    { network: { egress: [{ ports: [{ port: 443 }] }] } },
    { allowInsecureConnections: true, stateRetentionPolicy: { whenDeleted: "Delete" } },
  );
  expect(validateCluster(value).warnings.map(({ path }) => path)).toEqual([
    "spec.allowInsecureConnections",
    "spec.schedulerSpec.spicepod.runtime.scheduler.state_location",
    "spec.stateRetentionPolicy.whenDeleted",
    "spec.executorSpec.network.egress",
  ]);
});
