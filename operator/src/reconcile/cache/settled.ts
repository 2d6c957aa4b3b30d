import { digest, type Outcome } from "@spice-shards/kube";
import type { AdminAccess, Report } from "../admin-access.ts";
import type { Pass } from "../pass.ts";
import { newerOf } from "./resource-version.ts";

/** A pass that found nothing to do without looking at everything. */
export interface Resting {
  readonly outcome: Outcome;
  readonly paused: boolean;
}

/**
 * Whether all that the last pass saw is as it was, so that another would do nothing: then only the schedulers are asked,
 * when that is due. Undefined: look at everything.
 */
export async function stillSettled(
  pass: Pass,
  admin: AdminAccess,
  versions: string,
  nextPollMs: () => number,
): Promise<Resting | undefined> {
  const { memory, resource, deps } = pass;
  const { settled } = memory;
  if (settled === undefined) return undefined;
  const now = deps.clock.monotonicMs();
  const isSame = settled.versions === versions && settled.resourceVersion === versionOf(pass, resource);
  if (!isSame || now >= settled.untilMs) return undefined;
  let askAgainMs = settled.askAgainMs;
  if (now >= askAgainMs) {
    const report = await admin.report();
    if (viewOf(report) !== settled.view) return undefined;
    memory.close();
    askAgainMs = now + nextPollMs();
    memory.settled = { ...settled, askAgainMs };
  }
  const ms = Math.min(askAgainMs, settled.untilMs) - now;
  return { outcome: { kind: "after", ms }, paused: settled.paused };
}

/** Remembers what a pass saw that found nothing to do any more, and lets go of the rest. */
export async function settle(
  pass: Pass,
  admin: AdminAccess,
  {
    versions,
    paused,
    pollMs,
  }: { readonly versions: string; readonly paused: boolean; readonly pollMs: number },
): Promise<void> {
  const { memory, deps, resource } = pass;
  const report = await admin.report();
  const now = deps.clock.monotonicMs();
  const { secrets, references, podMonitor } = memory;
  // What is older than a resync was not asked for in this pass: Secrets without mTLS, or in a pause.
  const dueAt = [secrets, references, podMonitor]
    .map((read) => (read?.atMs ?? now) + deps.settings.resyncMs)
    .filter((at) => at > now);
  const resyncAt = Math.min(now + deps.settings.resyncMs, ...dueAt);
  const askAgainMs = now + pollMs;
  const untilMs = Math.min(resyncAt, now + (pass.lookAgainMs ?? Number.POSITIVE_INFINITY));
  const resourceVersion = versionOf(pass, resource);
  memory.rest({ versions, resourceVersion, view: viewOf(report), askAgainMs, untilMs, paused });
  pass.lookAgainIn(Math.min(askAgainMs, untilMs) - now);
}

function versionOf({ memory }: Pass, resource: Pass["resource"]): string {
  return newerOf(resource, memory.written).metadata.resourceVersion ?? "";
}

/** What the schedulers say, but for what changes all the time and is told with the next pass. */
function viewOf(report: Report): string {
  if (report.kind === "unreachable") return "";
  const { revision: _, tables, ...rest } = report.report;
  return digest({ ...rest, tables: tables.map(({ freshMs: _, ...table }) => table) });
}
