import { describePod, type Member, untilFailedMs } from "./member.ts";
import { join, loadingMs, lookAgainMs, nothing, retryMs, type Step, step, unreachable } from "./step.ts";
import { replacePod, takeTurn } from "./turn.ts";
import type { ExecutorInput, ObservedPod } from "./types.ts";

/** A member whose pod is of another template. */
interface Outdated extends Member {
  readonly pod: ObservedPod;
}

/**
 * Rolls the wanted template out (ADR 0012). Which executor is where follows from what is seen:
 *
 * ```
 * outdated ──apply-template, mark──▶ turn ──drain──▶ owns nothing ──delete-pod──▶ updated ──loaded, unmark──▶ settled
 *     └──────────── not ready: apply-template, delete-pod, without a drain ───────────┘
 * ```
 *
 * - The highest index is the canary; nobody else's StatefulSet gets the template before its own turn, so that a pod
 *   which restarts meanwhile comes back as it was.
 * - A turn of a ready executor needs room: fewer than `maxUnavailable` are down, loading or in their turn.
 * - An updated executor that fails stops all turns of ready ones. Pods that are not ready may be replaced: that takes
 *   nothing away, and it is how a revert heals.
 */
export function rollOut(input: ExecutorInput, members: readonly Member[], maySettle: boolean): Step {
  const outdated = members.filter(isOutdated);
  const failed = members.filter((m) => m.updated && m.failing);
  const stopped = join(failed.map((member) => stoppedBy(member, outdated.length > 0)));
  if (outdated.length === 0) {
    // The last one's pod may be away; until its mark is gone its turn goes on.
    const lastTurn =
      failed.length === 0 && members.some((m) => !m.up && m.statefulSet.drainedFor === "update");
    return join([stopped, ...(lastTurn ? [countUpdated(members)] : []), awaitMembers(input, members, false)]);
  }

  const starting = members.filter((m) => m.updated && !m.up && !m.failing);
  const rolling = countUpdated(members);
  const heal = healBroken(input, members, outdated, starting.length);
  if (heal.actions.length > 0) return join([rolling, heal]);
  if (failed.length > 0) return join([stopped, awaitMembers(input, members, true)]);
  const wait = awaitMembers(input, members, true);
  return maySettle ? join([rolling, turns(input, members, outdated), wait]) : join([rolling, wait]);
}

function countUpdated(members: readonly Member[]): Step {
  const updated = members.filter((m) => m.updated && m.pod?.deleting === false).length;
  const message = `${updated} of ${members.length} executors are updated`;
  return step({ progress: [{ reason: "RollingOut", message }] });
}

/** How many may be down, loading or in their turn at once. Until one is settled, it is the canary alone. */
function budgetOf({ wanted: { strategy } }: ExecutorInput, members: readonly Member[]): number {
  const proven = members.some((m) => m.settled);
  if (strategy.type === "RollingOrdered" || !proven) return 1;
  return Math.max(1, Math.min(strategy.maxUnavailable, members.length - 1));
}

function turns(input: ExecutorInput, members: readonly Member[], outdated: readonly Outdated[]): Step {
  const ready = outdated.filter((m) => m.up);
  const [begun, waiting] = [ready.filter(hasBegun), ready.filter((m) => !hasBegun(m))];
  const missing = input.wanted.replicas - members.length;
  const busy = missing + members.filter((m) => !m.up || (m.updated && !m.settled)).length;
  const now = [...begun, ...waiting].slice(0, Math.max(0, budgetOf(input, members) - busy));
  if (now.length === 0) return step({ requeueMs: lookAgainMs });
  // With one executor nobody can take what it owns.
  const drains = members.length > 1;
  if (drains && input.cluster.kind === "unreachable") {
    return unreachable(input.cluster.reason, `the rollout waits at ${now[0]!.pod.name}`);
  }
  return join(now.map((member) => takeTurn(member, drains)));
}

/** Outdated pods that are not ready: when it is plain that they failed, or as long as the new template does well. */
function healBroken(
  input: ExecutorInput,
  members: readonly Member[],
  outdated: readonly Outdated[],
  starting: number,
): Step {
  const unproven = members.some((m) => m.updated && !m.up) || outdated.some((m) => m.up && hasBegun(m));
  const broken = outdated.filter((m) => !m.up && (m.failing || !unproven));
  const room = Math.max(0, budgetOf(input, members) - starting);
  return join(broken.slice(0, room).map(replacePod));
}

function stoppedBy({ pod, index }: Member, others: boolean): Step {
  const what = pod === undefined ? `executor ${index}` : describePod(pod);
  return step({
    problems: [
      {
        reason: others ? "RolloutStopped" : "ExecutorsNotReady",
        message: others
          ? `the rollout stopped: ${what} does not become ready; no other executor is changed`
          : `${what} does not become ready`,
      },
    ],
  });
}

/** What is not as it shall be although no outdated pod is left, or while one waits. */
function awaitMembers({ nowMs, cluster }: ExecutorInput, members: readonly Member[], rolling: boolean): Step {
  return join(
    members.map((member) => {
      const { pod, up, updated, settled, failing, index } = member;
      if (settled || failing || (up && !updated)) return nothing;
      const name = pod?.name ?? `executor ${index}`;
      if (!up) {
        const where =
          pod === undefined
            ? "has no pod yet; the events of its StatefulSet say why"
            : `is ${pod.deleting ? "stopping" : "starting"}`;
        return step({
          progress: [{ reason: "ExecutorsNotReady", message: `${name} ${where}` }],
          ...(pod === undefined ? {} : { requeueMs: untilFailedMs(pod, nowMs) }),
        });
      }
      if (cluster.kind === "unreachable") return step({ requeueMs: retryMs });
      if (isDrainedByHand(member)) {
        if (!rolling) return nothing;
        const message = `${name} is drained by hand, and the rollout waits until that ends`;
        return step({ progress: [{ reason: "RollingOut", message }], requeueMs: loadingMs });
      }
      return step({
        progress: [{ reason: "PartitionsLoading", message: `${name} loads its partitions` }],
        requeueMs: loadingMs,
      });
    }),
  );
}

function isDrainedByHand({ view, statefulSet: { drainedFor } }: Member): boolean {
  return view?.drain !== undefined && drainedFor === undefined;
}

/** Whether its turn has come before: so an operator that takes over goes on with it. */
function hasBegun({ statefulSet: set, wantedHash }: Outdated): boolean {
  return set.drainedFor === "update" || set.templateHash === wantedHash;
}

function isOutdated(member: Member): member is Outdated {
  return member.pod !== undefined && !member.pod.deleting && !member.updated;
}
