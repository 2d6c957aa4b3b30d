import type { ClaimRetention, ObservedStatefulSet, StatefulSetShape, WantedExecutors } from "./types.ts";

/**
 * The retention of an executor that stays. Scaling to 0 is also a pause and what becomes of a StatefulSet scaled by
 * hand, so the claims go only with an executor that is taken away.
 */
export function stayingRetention({ retention }: WantedExecutors): ClaimRetention {
  return { whenScaled: "Retain", whenDeleted: retention.whenDeleted };
}

/** The retention of an executor that is taken away: its StatefulSet is scaled to 0 and then deleted. */
export function leavingRetention({ retention }: WantedExecutors): ClaimRetention {
  return { whenScaled: retention.whenScaled, whenDeleted: retention.whenScaled };
}

export function sameRetention(a: ClaimRetention, b: ClaimRetention): boolean {
  return a.whenScaled === b.whenScaled && a.whenDeleted === b.whenDeleted;
}

/** The shape that a StatefulSet has, with its live template. */
export function liveShape(set: ObservedStatefulSet): StatefulSetShape {
  return {
    replicas: set.replicas === 0 ? 0 : 1,
    retention: set.retention,
    template: "live",
    ...(set.drainedFor === undefined ? {} : { drainedFor: set.drainedFor }),
  };
}

/** The same without a mark. */
export function unmarked({ drainedFor: _, ...shape }: StatefulSetShape): StatefulSetShape {
  return shape;
}
