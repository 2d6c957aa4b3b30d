import { label, names } from "../api/names.ts";
import type { JsonObject } from "../schema/schema.ts";
import type { KubernetesObject } from "./context.ts";
import { directories } from "./flags.ts";
import { labelsOf, type OwnerOf, ownedMetadata } from "./metadata.ts";

/** A removal takes seconds, or 35 when a scheduler was killed; image pulls and retries come on top. */
export const removalSeconds = 120;

/** What of the scheduler's container only a server needs. */
const ofServers = ["ports", "startupProbe", "readinessProbe", "livenessProbe", "lifecycle"] as const;
/** The volume of certificates: nobody is spoken to but the store. */
const certificates = "tls";

/**
 * Job `{name}-state-removal`: `spice cluster state remove` in a pod like a scheduler's, with the same image, account,
 * environment, mounts and network, so that it reaches the store as the schedulers did. `template` is the schedulers'.
 */
export function renderStateRemovalJob(cluster: OwnerOf, template: JsonObject): KubernetesObject {
  const { name } = cluster.metadata;
  const { metadata = {}, spec = {} } = template as {
    readonly metadata?: JsonObject;
    readonly spec?: JsonObject;
  };
  const [container = {}] = (spec["containers"] ?? []) as readonly JsonObject[];
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: ownedMetadata(cluster, names.stateRemoval(name), labelsOf(name)),
    spec: {
      backoffLimit: 3,
      activeDeadlineSeconds: removalSeconds,
      template: {
        metadata: { labels: metadata["labels"] ?? { [label.cluster]: name } },
        spec: {
          ...spec,
          restartPolicy: "Never",
          terminationGracePeriodSeconds: 5,
          containers: [
            {
              ...Object.fromEntries(
                Object.entries(container).filter(([field]) => !ofServers.some((each) => each === field)),
              ),
              command: ["/usr/local/bin/spice"],
              args: ["cluster", "state", "remove", "--spicepod", `${directories.spicepod}/spicepod.yaml`],
              volumeMounts: without(container["volumeMounts"]),
            },
          ],
          volumes: without(spec["volumes"]),
        },
      },
    },
  };
}

function without(items: unknown): readonly JsonObject[] {
  return ((items ?? []) as readonly JsonObject[]).filter(({ name }) => name !== certificates);
}
