import { Cron } from "croner";

/** When a dataset is refreshed by itself (spec chapter 02). Times in milliseconds. */
export interface RefreshSchedule {
  readonly intervalMs?: number;
  /** Five or six fields, in UTC. */
  readonly cron?: string;
  /** Up to so much is added to every wait; 0 for none. */
  readonly jitterMs: number;
}

/** The largest part of the interval that jitter takes when `refresh_jitter_max` does not say. */
const jitterShare = 0.1;

/** The schedule that a spicepod's fields mean. Throws a `TypeError` for a cron expression that is none. */
export function refreshSchedule(fields: {
  readonly intervalMs?: number;
  readonly cron?: string;
  readonly jitterEnabled?: boolean;
  readonly jitterMaxMs?: number;
}): RefreshSchedule {
  if (fields.cron !== undefined) new Cron(fields.cron, { timezone: "UTC", paused: true });
  const byDefault = Math.floor((fields.intervalMs ?? 0) * jitterShare);
  return {
    ...(fields.intervalMs === undefined ? {} : { intervalMs: fields.intervalMs }),
    ...(fields.cron === undefined ? {} : { cron: fields.cron }),
    jitterMs: fields.jitterEnabled === true ? (fields.jitterMaxMs ?? byDefault) : 0,
  };
}

/**
 * Milliseconds from `nowMs` (wall clock) to the next refresh, the earlier of interval and cron; undefined when
 * nothing is scheduled. `random` is uniform in [0, 1).
 */
export function untilNextRefresh(
  schedule: RefreshSchedule,
  nowMs: number,
  random: number,
): number | undefined {
  const waits: number[] = [];
  if (schedule.intervalMs !== undefined) waits.push(schedule.intervalMs);
  if (schedule.cron !== undefined) {
    const next = new Cron(schedule.cron, { timezone: "UTC", paused: true }).nextRun(new Date(nowMs));
    if (next !== null) waits.push(Math.max(0, next.getTime() - nowMs));
  }
  if (waits.length === 0) return undefined;
  return Math.min(...waits) + Math.floor(random * schedule.jitterMs);
}
