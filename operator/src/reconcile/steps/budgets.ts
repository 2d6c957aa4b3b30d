import { digest } from "@spice-shards/kube";
import { names, roles } from "../../api/names.ts";
import { renderDisruptionBudget } from "../../render/disruption-budget.ts";
import { renderPodMonitor } from "../../render/pod-monitor.ts";
import { renderCluster } from "../../render/render-cluster.ts";
import { typeOf, types, watchedChildren } from "../cache/resource-types.ts";
import { goOn, type StepOutcome } from "../outcome.ts";
import type { Pass } from "../pass.ts";

/** Disruption budgets and monitoring, and the end of what is wanted no more. */
export async function budgets(pass: Pass): Promise<StepOutcome> {
  const { context } = pass.valid;
  for (const role of roles) await pass.apply(renderDisruptionBudget(context, role));
  await monitor(pass);
  await prune(pass);
  return goOn;
}

/** PodMonitors that cannot be watched are compared at every resync. */
async function monitor(pass: Pass): Promise<void> {
  const { memory, deps } = pass;
  for (const object of renderPodMonitor(pass.valid.context)) {
    if (deps.caches.watches("podMonitor")) {
      await pass.apply(object);
      continue;
    }
    const wanted = digest(object);
    const known = memory.podMonitor;
    const now = deps.clock.monotonicMs();
    if (known?.digest === wanted && now - known.atMs < deps.settings.resyncMs) continue;
    await pass.apply(object);
    memory.podMonitor = { digest: wanted, atMs: now };
  }
}

/** Children that are ours and that nothing asks for: of a feature that was switched off, or renamed. */
async function prune(pass: Pass): Promise<void> {
  const wanted = new Set(
    renderCluster(pass.valid.context).map(({ kind, metadata }) => `${kind}/${metadata.name}`),
  );
  for (const child of watchedChildren) {
    // Executors end by their own plan; pods and claims belong to their StatefulSets.
    if (child === "statefulSet" || child === "pod" || child === "claim") continue;
    const { kind } = typeOf(types[child].kind);
    for (const object of pass.deps.caches.childrenOf(child, pass.key)) {
      const name = object.metadata.name ?? "";
      if (wanted.has(`${kind}/${name}`) || !pass.isOurs(object)) continue;
      if (object.metadata.deletionTimestamp !== undefined) continue;
      if (kind === "Deployment" && name !== names.workload(pass.name, "scheduler")) continue;
      await pass.remove({ ...object, kind });
    }
  }
}
