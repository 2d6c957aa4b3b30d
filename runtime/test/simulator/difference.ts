import { slicesOf } from "../../src/core/cluster/assignment/slices.ts";
import { activeExecutors, type ClusterDocument } from "../../src/core/cluster/document/document.ts";
import type { SimCluster } from "./sim-cluster.ts";
import type { SimExecutor } from "./sim-executor.ts";
import type { SimSource } from "./source.ts";

/** What is not yet as it should be some time after the last fault; undefined when everything is. */
export function differenceOf(
  document: ClusterDocument | undefined,
  source: SimSource,
  cluster: SimCluster,
): string | undefined {
  if (document === undefined) return "there is no document";
  return (
    ofSchedulers(document, cluster) ??
    ofTables(document, source) ??
    ofReadiness(document, source, cluster) ??
    imbalance(document) ??
    ofExecutors(document, cluster)
  );
}

function ofSchedulers(document: ClusterDocument, { schedulers }: SimCluster): string | undefined {
  for (const [i, scheduler] of schedulers.entries()) {
    if (scheduler === undefined || !scheduler.process.running) return `scheduler ${i} does not run`;
    if (document.schedulers[scheduler.id]?.instance_id !== scheduler.instance)
      return `${scheduler.id} is not registered`;
  }
  return document.app === undefined ? "no spicepod is in force" : undefined;
}

function ofTables(document: ClusterDocument, source: SimSource): string | undefined {
  for (const { name } of source.tables) {
    const table = document.accelerations[name];
    if (table === undefined) return `${name} is not in the document`;
    if (!table.partitions.values.equals(source.values(name)))
      return `${name} has other values than its source`;
    // With every executor draining there is nobody to give them to.
    if (activeExecutors(document).length === 0) continue;
    if (table.partitions.unassignedCount() > 0) return `${name} has partitions without an owner`;
    if (table.partitions.columns.extras.size > 0) return `${name} has partitions on the move`;
  }
  return undefined;
}

function ofReadiness(
  document: ClusterDocument,
  { tables }: SimSource,
  { schedulers }: SimCluster,
): string | undefined {
  if (activeExecutors(document).length === 0) return undefined;
  const names = tables.map(({ name }) => name);
  for (const scheduler of schedulers) {
    const unready = scheduler?.reports.readiness(document, names).find((t) => t.loaded < t.partitions);
    if (unready !== undefined) return `${scheduler!.id} has not heard that all of ${unready.name} is loaded`;
  }
  return undefined;
}

/** What moves have still to do; undefined when the active executors are balanced and the draining ones empty. */
function imbalance(document: ClusterDocument): string | undefined {
  const ids = Object.keys(document.executors);
  const active = activeExecutors(document);
  const owned = new Map<string, number>();
  for (const { partitions } of Object.values(document.accelerations)) {
    for (const [id, count] of partitions.ownedCounts()) owned.set(id, (owned.get(id) ?? 0) + count);
  }
  // Without another active executor a drain is blocked.
  if (active.length === 0) return undefined;
  const full = ids.find((id) => document.executors[id]!.state === "draining" && owned.has(id));
  if (full !== undefined) return `${full} is not drained`;
  // While one drains the others are not balanced.
  if (active.length < ids.length) return undefined;
  const counts = active.map((id) => owned.get(id) ?? 0);
  const spread = Math.max(...counts) - Math.min(...counts);
  return spread > 1 ? `the executors own ${counts.join(", ")} partitions` : undefined;
}

function ofExecutors(document: ClusterDocument, { executors, lostForGood }: SimCluster): string | undefined {
  for (const [i, executor] of executors.entries()) {
    if (lostForGood.has(i)) {
      if (document.executors[`e${i}:50052`] !== undefined) return `executor ${i} is lost and still there`;
      continue;
    }
    if (executor === undefined || !executor.process.running) return `executor ${i} does not run`;
    const found = ofExecutor(document, executor);
    if (found !== undefined) return `${executor.id} ${found}`;
  }
  return undefined;
}

function ofExecutor(document: ClusterDocument, { id, session, process }: SimExecutor): string | undefined {
  if (document.executors[id]?.instance_id !== session.instance) return "is not registered";
  if (!session.mayServe(process.clock.monotonicMs())) return "may not serve";
  if (session.app?.generation !== document.app?.generation) return "runs another spicepod";
  for (const table of Object.values(document.accelerations)) {
    const given = slicesOf(table).get(id) ?? [];
    const unknown = given.find(({ key, epoch }) => session.held(table.table_name, key)?.epoch !== epoch);
    if (unknown !== undefined)
      return `does not know of ${table.table_name} ${unknown.key} at epoch ${unknown.epoch}`;
    const known = [...session.assignments].find((a) => a.table === table.table_name)?.partitions;
    if ((known?.length ?? 0) !== given.length) return `holds too much of ${table.table_name}`;
  }
  return undefined;
}
