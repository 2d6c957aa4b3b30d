import {
  type ClusterDocument,
  type SchedulerEntry,
  type TableEntry,
  withEntry,
} from "../document/document.ts";
import type { CounterObserver } from "./counter-observer.ts";
import { TTL_GRACE_MS } from "./counter-observer.ts";

/** What a starting scheduler should do about its id. */
export type RegistrationDecision =
  /** Free, or ours already: write the entry. */
  | { readonly kind: "register" }
  /** The holder was silent for its TTL and the grace: replace this very instance. */
  | { readonly kind: "take-over"; readonly holder: string }
  /** Nothing is known of the holder yet: look again later. */
  | { readonly kind: "wait"; readonly holder: SchedulerEntry }
  /** The holder was seen beating. */
  | { readonly kind: "refuse" };

/**
 * May `instanceId` have the scheduler id? Only a beat that is seen to move refuses it; only a beat that is seen
 * *not* to move for the holder's TTL + 5 s gives it up (spec chapter 04, Schedulers).
 */
export function decideRegistration(
  document: ClusterDocument,
  schedulerId: string,
  instanceId: string,
  observer: CounterObserver,
  nowMs: number,
): RegistrationDecision {
  const holder = document.schedulers[schedulerId];
  if (holder === undefined || holder.instance_id === instanceId) return { kind: "register" };
  if (observer.sawMove(schedulerId, holder.instance_id)) return { kind: "refuse" };
  return isGone(holder, observer, nowMs)
    ? { kind: "take-over", holder: holder.instance_id }
    : { kind: "wait", holder };
}

/** True when the holder's counter did not move for its TTL + 5 s on the observer's clock. */
export function isGone(entry: SchedulerEntry, observer: CounterObserver, nowMs: number): boolean {
  const silent = observer.silentForMs(entry.scheduler_id, entry.instance_id, nowMs);
  return silent !== undefined && silent > entry.ttl_ms + TTL_GRACE_MS;
}

/**
 * Write the entry, replacing `expected` (the instance that was judged gone; undefined: nobody). Unchanged when
 * another instance holds the id meanwhile: look again.
 */
export function registerScheduler(
  document: ClusterDocument,
  entry: SchedulerEntry,
  expected: string | undefined,
): ClusterDocument {
  const holder = document.schedulers[entry.scheduler_id]?.instance_id;
  if (holder !== undefined && holder !== expected && holder !== entry.instance_id) return document;
  if (holder === entry.instance_id) return document;
  return {
    ...document,
    schedulers: { ...document.schedulers, [entry.scheduler_id]: entry },
    ...(holder === undefined ? {} : { departures: (document.departures ?? 0) + 1 }),
  };
}

/** Remove the entry of this instance; another instance's stays. */
export function removeScheduler(
  document: ClusterDocument,
  schedulerId: string,
  instanceId: string,
): ClusterDocument {
  if (document.schedulers[schedulerId]?.instance_id !== instanceId) return document;
  return {
    ...document,
    schedulers: withEntry(document.schedulers, schedulerId, undefined),
    departures: (document.departures ?? 0) + 1,
  };
}

/** Remove every scheduler in `gone` (id → instance that was judged gone). */
export function reapSchedulers(
  document: ClusterDocument,
  gone: ReadonlyMap<string, string>,
): ClusterDocument {
  let reaped = document;
  for (const [id, instance] of gone) reaped = removeScheduler(reaped, id, instance);
  return reaped;
}

/** The scheduler that drives the assignment: the lowest id among those not in `gone`. */
export function driverOf(
  document: ClusterDocument,
  gone: ReadonlySet<string> = new Set(),
): string | undefined {
  return Object.keys(document.schedulers)
    .filter((id) => !gone.has(id))
    .sort()[0];
}

/** What an executor that says hello is told. */
export type HelloDecision = "known" | "register" | "replaced";

/**
 * A process that was registered before (`registered`) and is not the recorded instance has been replaced; one that
 * never was registered is new and voids the old instance.
 */
export function decideHello(
  document: ClusterDocument,
  executorId: string,
  instanceId: string,
  registered: boolean,
): HelloDecision {
  const entry = document.executors[executorId];
  if (entry?.instance_id === instanceId) return "known";
  return registered && entry !== undefined ? "replaced" : "register";
}

/**
 * Record an executor's instance. A new instance is active (a drain of the old one is over) and voids what the old
 * one acknowledged: its partitions keep their owner under a new epoch, so that nothing the old process still
 * does under the old epoch passes for the new one's work.
 */
export function registerExecutor(
  document: ClusterDocument,
  executorId: string,
  instanceId: string,
): ClusterDocument {
  const known = document.executors[executorId];
  if (known?.instance_id === instanceId) return document;
  const executors = {
    ...document.executors,
    [executorId]: { ...known, instance_id: instanceId, state: "active" as const },
  };
  if (known === undefined) return { ...document, executors };
  const accelerations: Record<string, TableEntry> = {};
  for (const [name, table] of Object.entries(document.accelerations)) {
    const code = table.partitions.columns.executors.indexOf(executorId);
    if (code < 0) {
      accelerations[name] = table;
      continue;
    }
    const edit = table.partitions.edit();
    table.partitions.columns.owners.forEach((owner, i) => {
      if (owner === code) edit.bumpEpoch(i, document.revision + 1);
    });
    const partitions = edit.build();
    accelerations[name] = partitions === table.partitions ? table : { ...table, partitions };
  }
  return { ...document, executors, accelerations };
}
