import { isForbidden } from "@spice-shards/kube";
import { annotation } from "../api/names.ts";
import { needsFreshView } from "../lifecycle/needs-fresh-view.ts";
import { planExecutors } from "../lifecycle/plan-executors.ts";
import type { ClusterView, ExecutorInput, ExecutorPlan } from "../lifecycle/types.ts";
import { executorIndexes } from "../render/render-cluster.ts";
import { parseQuantity } from "../schema/quantity.ts";
import type { AdminAccess, Report } from "./admin-access.ts";
import { types } from "./cache/resource-types.ts";
import type { StorageClassObject } from "./objects.ts";
import { templateHashOf } from "./observe/executor-sets.ts";
import {
  cachedNodes,
  type NodeObjects,
  type ObservedNodes,
  observeNodes,
  readNodes,
} from "./observe/observe-executors.ts";
import type { Pass } from "./pass.ts";

/** A plan with what it was made from. */
export interface PlannedExecutors {
  readonly plan: ExecutorPlan;
  readonly nodes: ObservedNodes;
  readonly view: ClusterView;
}

/** What to do for the executors now. What takes anything away rests on objects and answers that were just read. */
export async function planNodes(pass: Pass, admin: AdminAccess): Promise<PlannedExecutors> {
  const first = await planFrom(pass, cachedNodes(pass), viewOf(await admin.report()));
  if (pass.valid.cluster.spec.paused || !first.plan.actions.some(needsFreshView)) return first;
  return await planFrom(pass, await readNodes(pass), viewOf(await admin.reportAnew()));
}

async function planFrom(pass: Pass, objects: NodeObjects, view: ClusterView): Promise<PlannedExecutors> {
  const classes = await storageClasses(pass, objects);
  const nodes = observeNodes(pass, objects, (name) => (name === undefined ? undefined : classes.get(name)));
  const plan = planExecutors(inputOf(pass, nodes, view));
  return { plan, nodes, view };
}

function inputOf(pass: Pass, nodes: ObservedNodes, cluster: ClusterView): ExecutorInput {
  const { context } = pass.valid;
  const { executorSpec, paused } = context.cluster.spec;
  const { whenScaled = "Delete", whenDeleted = "Retain" } =
    executorSpec.persistentVolumeClaimRetentionPolicy ?? {};
  const indexes = new Set([...executorIndexes(context), ...nodes.executors.keys()]);
  const resume = pass.resource.metadata.annotations?.[annotation.resume];
  return {
    nowMs: pass.nowMs,
    generation: context.cluster.metadata.generation,
    wanted: {
      replicas: executorSpec.replicas,
      paused,
      strategy: executorSpec.updateStrategy,
      templateHashes: new Map([...indexes].map((index) => [index, templateHashOf(context, index)])),
      claims: wantedClaims(pass),
      retention: { whenScaled, whenDeleted },
    },
    crashLoopThreshold: pass.deps.settings.pauseCrashloopingPodsThreshold,
    ...(pass.pause === undefined ? {} : { pause: pass.pause }),
    ...(resume === undefined ? {} : { resume }),
    executors: nodes.executors,
    schedulers: nodes.schedulers,
    cluster,
  };
}

function wantedClaims(pass: Pass) {
  return (pass.valid.cluster.spec.executorSpec.volumeClaimTemplates ?? []).map(({ metadata, spec }) => {
    const { storage } = spec.resources.requests;
    return { template: metadata.name, request: String(storage), bytes: parseQuantity(storage) ?? 0 };
  });
}

/** Classes of claims that shall grow; others are of no interest. An operator of one namespace cannot see any. */
async function storageClasses(
  pass: Pass,
  { claims }: NodeObjects,
): Promise<ReadonlyMap<string, boolean | undefined>> {
  const wanted = wantedClaims(pass);
  const growing = claims.filter(({ metadata, spec }) => {
    const size = wanted.find(({ template }) => metadata.name?.startsWith(`${template}-`) === true);
    return size !== undefined && size.bytes > (parseQuantity(spec.resources?.requests?.storage ?? 0) ?? 0);
  });
  const found = new Map<string, boolean | undefined>();
  for (const name of new Set(growing.flatMap(({ spec }) => spec.storageClassName ?? []))) {
    found.set(name, await allowsExpansion(pass, name));
  }
  return found;
}

async function allowsExpansion(pass: Pass, name: string): Promise<boolean | undefined> {
  try {
    const found = await pass.read<StorageClassObject>(types.storageClass, name);
    return found === undefined ? undefined : found.allowVolumeExpansion === true;
  } catch (error) {
    if (isForbidden(error)) return undefined;
    throw error;
  }
}

function viewOf(report: Report): ClusterView {
  if (report.kind === "unreachable") return report;
  const { revision, appGeneration, executors, partitions, tables, problems } = report.report;
  return {
    kind: "known",
    revision,
    appGeneration,
    executors,
    partitions,
    tables,
    ...(problems === undefined ? {} : { problems }),
  };
}
