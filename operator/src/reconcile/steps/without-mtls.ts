import { label, names } from "../../api/names.ts";
import { leavesOf } from "../../render/certificate.ts";
import { executorIndexes } from "../../render/render-cluster.ts";
import type { Json } from "../../schema/schema.ts";
import { types } from "../cache/resource-types.ts";
import { at, toJson } from "../objects.ts";
import { goOn, type StepOutcome } from "../outcome.ts";
import type { Pass } from "../pass.ts";
import { pruneIssued } from "./issued-certificates.ts";

/**
 * A cluster that runs without mTLS keeps its root and no leaves: a key that nobody uses is only there to be stolen. A
 * leaf goes when neither a pod nor the template of one mounts it any more, so that nothing is torn away in the middle of the
 * switch.
 */
export async function withoutMtls(pass: Pass): Promise<StepOutcome> {
  const { deps, valid, memory, namespace, name, signal } = pass;
  memory.secrets = undefined;
  memory.leaf = undefined;
  if (memory.leavesGone || (await isMounted(pass))) return goOn;
  // The schedulers' goes last, so that as long as it is there the others are looked for.
  const schedulers = names.schedulerSecret(name);
  if ((await deps.secrets.read(namespace, schedulers, signal)) !== undefined) {
    const executors = new Set([
      ...executorIndexes(valid.context),
      ...valid.context.observed.executors.keys(),
    ]);
    const leaves = leavesOf(valid.context, [...executors]).map((leaf) => leaf.name);
    const others = [...leaves.filter((leaf) => leaf !== schedulers), names.operatorSecret(name)];
    await pruneIssued(pass, []);
    for (const leaf of new Set([...others, schedulers])) await removeOurs(pass, leaf);
    deps.log.info("removed the certificates of nodes that run without mTLS", { cluster: pass.key });
  }
  memory.leavesGone = true;
  return goOn;
}

async function removeOurs(pass: Pass, name: string): Promise<void> {
  const { deps, namespace, signal } = pass;
  const secret = await deps.secrets.read(namespace, name, signal);
  if (secret !== undefined && pass.isOurs(secret)) await deps.secrets.remove(namespace, name, signal);
}

/** Whether anything that runs, or that may start, needs a leaf. */
async function isMounted({ deps, key, namespace, name, signal }: Pass): Promise<boolean> {
  const templates = (["deployment", "statefulSet"] as const).flatMap((kind) =>
    deps.caches.childrenOf(kind, key).map((object) => at(toJson(object), "spec", "template", "spec")),
  );
  if (templates.some(mountsLeaf)) return true;
  // The cache does not have what pods mount.
  const query = { namespace, labelSelector: `${label.cluster}=${name}` };
  const { items } = await deps.client.list(types.pod, query, signal);
  return items.some((pod) => mountsLeaf(at(toJson(pod), "spec")));
}

function mountsLeaf(spec: Json | undefined): boolean {
  const volumes = at(spec, "volumes");
  return Array.isArray(volumes) && volumes.some((volume: Json) => at(volume, "name") === "tls");
}
