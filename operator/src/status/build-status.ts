import type { Condition, SpicepodClusterStatus } from "../api/status.ts";
import { judge } from "./conditions.ts";
import type { StatusFacts } from "./facts.ts";

/** How far the time of a last refresh may be behind before it alone is worth a write. */
const freshnessMs = 600_000;

/**
 * The status for what a pass has learnt. What has not changed is taken over from `before` with its times, so that
 * equal facts give an equal status. Pure.
 */
export function buildStatus(
  facts: StatusFacts,
  before: SpicepodClusterStatus | undefined,
): SpicepodClusterStatus {
  const { schedulers, executors, view, certificates, generation, nowMs, pause } = facts;
  const known = view?.kind === "known" ? view : undefined;
  const spicepod = facts.spicepod ?? before?.spicepod;
  const oldCertificates = facts.insecure ? undefined : before?.certificates;
  const loadedTables = known?.tables.filter((table) => table.loaded === table.total).length ?? 0;
  return {
    observedGeneration: generation,
    conditions: conditionsOf(facts, before?.conditions ?? []),
    schedulers: { ready: schedulers.ready, total: schedulers.total },
    executors: { ready: executors.ready, total: executors.total },
    ...(known === undefined
      ? {}
      : {
          partitions: {
            total: known.partitions.total,
            assigned: known.partitions.assigned,
            loaded: known.partitions.loaded,
          },
          datasets: datasetsOf(known.tables, before?.datasets ?? [], nowMs),
        }),
    summary: {
      schedulers: `${schedulers.ready}/${schedulers.wanted}`,
      executors: `${executors.ready}/${executors.wanted}`,
      ...(known === undefined
        ? {}
        : {
            partitions: `${known.partitions.loaded}/${known.partitions.total}`,
            datasets: `${loadedTables}/${Math.max(known.tables.length, facts.accelerated)}`,
          }),
    },
    selector: facts.selector,
    ...(certificates === undefined
      ? oldCertificates && { certificates: oldCertificates }
      : { certificates: certificatesOf(certificates) }),
    ...(spicepod === undefined ? {} : { spicepod }),
    ...(pause === undefined ? {} : { pause }),
  };
}

/** Conditions keep the time of their last transition while their status is the same. */
function conditionsOf(facts: StatusFacts, before: readonly Condition[]): readonly Condition[] {
  const time = timeOf(facts.nowMs);
  const judged = judge(facts).map((judgement): Condition => {
    const old = before.find(({ type }) => type === judgement.type);
    const lastTransitionTime = old?.status === judgement.status ? old.lastTransitionTime : time;
    const message = judgement.message.slice(0, 32_768);
    return { ...judgement, message, lastTransitionTime, observedGeneration: facts.generation };
  });
  // A pass that failed before it could judge the resource says nothing new about it.
  const kept = before.filter(
    ({ type }) => type === "ConfigValid" && !judged.some((condition) => condition.type === type),
  );
  return [...judged, ...kept];
}

type Tables = Extract<NonNullable<StatusFacts["view"]>, { readonly kind: "known" }>["tables"];

function datasetsOf(
  tables: Tables,
  before: NonNullable<SpicepodClusterStatus["datasets"]>,
  nowMs: number,
): NonNullable<SpicepodClusterStatus["datasets"]> {
  return tables.slice(0, 1000).map(({ name, loaded, total, freshMs }) => {
    const old = before.find((dataset) => dataset.name === name)?.lastRefresh;
    const lastRefresh = freshMs === undefined ? undefined : refreshTime(freshMs, old, nowMs);
    return { name, loaded: loaded === total, ...(lastRefresh === undefined ? {} : { lastRefresh }) };
  });
}

/** A dataset may refresh every second; a status that did so as well would be a flood of writes. */
function refreshTime(freshMs: number, old: string | undefined, nowMs: number): string {
  const oldMs = old === undefined ? undefined : Date.parse(old);
  const isNear = oldMs !== undefined && oldMs <= freshMs && nowMs - oldMs < freshnessMs;
  return isNear && old !== undefined ? old : timeOf(freshMs);
}

function certificatesOf(
  certificates: NonNullable<StatusFacts["certificates"]>,
): NonNullable<SpicepodClusterStatus["certificates"]> {
  const { secretName, rootExpiresMs, leavesExpireMs, phase, waitingFor } = certificates;
  return {
    rootCertificateReady: rootExpiresMs !== undefined,
    rootCertificateSecretName: secretName,
    ...(rootExpiresMs === undefined ? {} : { rootCertificateExpiresAt: timeOf(rootExpiresMs) }),
    ...(leavesExpireMs === undefined ? {} : { leafCertificatesExpireAt: timeOf(leavesExpireMs) }),
    ...(phase === "stable" ? {} : { rotation: { phase, waitingFor } }),
  };
}

/** RFC 3339 in whole seconds, as Kubernetes writes times. */
function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
