import { storyDataset, storyState } from "./s3-pod.ts";

/** Where a store would be, if there were one: no service has the name. */
const nowhere = "http://no-such-store:7070";
const acceleration = {
  enabled: true,
  engine: "duckdb",
  mode: "file",
  partition_by: ["bucket(4, customer_id)"],
};

/** A dataset of the story's objects, with parameters of its acceleration. */
export const dataset = (name: string, params: Readonly<Record<string, string>> = {}) => ({
  ...storyDataset,
  name,
  acceleration: { ...acceleration, params },
});

/** The same, of a source that nobody reaches. */
export const lostDataset = (name: string) => ({
  ...dataset(name),
  params: { ...storyDataset.params, s3_endpoint: nowhere },
});

export const spicepodOf = (...datasets: readonly object[]) => ({
  version: "v1",
  kind: "Spicepod",
  name: "bad-input",
  datasets,
});

/** A cluster of one scheduler, with its state in its pod, and executors with their data in theirs. */
export function clusterOf(
  name: string,
  { scheduler = {}, executor = {}, spec = {}, spicepod = spicepodOf() }: ClusterParts = {},
) {
  return {
    apiVersion: "spice.ai/v2",
    kind: "SpicepodCluster",
    metadata: { name },
    spec: {
      schedulerSpec: { spicepod, terminationGracePeriodSeconds: 15, ...scheduler },
      executorSpec: { terminationGracePeriodSeconds: 15, ...executor },
      ...spec,
    },
  };
}

export interface ClusterParts {
  readonly scheduler?: object;
  readonly executor?: object;
  readonly spec?: object;
  readonly spicepod?: object;
}

const claim = (storageClassName: string) => ({
  volumeClaimTemplates: [
    { metadata: { name: "data" }, spec: { storageClassName, resources: { requests: { storage: "1Gi" } } } },
  ],
});

/** A class for which nobody makes volumes. */
export const nobodysClass = storageClass("nobodys", "nobody.example.com/volumes", "Immediate");
const byHand = "kubernetes.io/no-provisioner";
export const rootsClass = storageClass("roots", byHand, "WaitForFirstConsumer");

/** A volume that belongs to root and that Kubernetes gives to no group. */
export const rootsVolume = {
  apiVersion: "v1",
  kind: "PersistentVolume",
  metadata: { name: "bad-input-roots" },
  spec: {
    storageClassName: "roots",
    accessModes: ["ReadWriteOnce"],
    capacity: { storage: "1Gi" },
    persistentVolumeReclaimPolicy: "Retain",
    hostPath: { path: "/var/lib/bad-input-roots", type: "DirectoryOrCreate" },
  },
};

function storageClass(name: string, provisioner: string, volumeBindingMode: string): object {
  const metadata = { name };
  return { apiVersion: "storage.k8s.io/v1", kind: "StorageClass", metadata, provisioner, volumeBindingMode };
}

/** Clusters that cannot work, each for one reason. */
export const badClusters = [
  clusterOf("no-image", { scheduler: { image: { repository: "localhost/no-such-image", tag: "1" } } }),
  clusterOf("no-volume", { executor: claim("nobodys") }),
  clusterOf("no-room", { executor: { resources: { requests: { memory: "4Ti" } } } }),
  clusterOf("no-space", {
    executor: {
      volumes: [{ name: "small", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }],
      volumeMounts: [{ name: "small", mountPath: "/small" }],
    },
    spicepod: spicepodOf(dataset("events", { accelerator_dir: "/small" })),
  }),
  clusterOf("no-right", { executor: claim("roots") }),
  clusterOf("not-allowed", {
    scheduler: {
      volumes: [{ name: "host", hostPath: { path: "/etc" } }],
      volumeMounts: [{ name: "host", mountPath: "/host" }],
    },
  }),
  clusterOf("no-store", {
    spicepod: {
      ...spicepodOf(),
      runtime: {
        scheduler: {
          ...storyState("no-store"),
          params: { ...storyState("").params, endpoint: nowhere },
        },
      },
    },
  }),
  clusterOf("no-source", { spicepod: spicepodOf(dataset("events"), lostDataset("lost")) }),
];

export const badNames = badClusters.map(({ metadata }) => metadata.name);
