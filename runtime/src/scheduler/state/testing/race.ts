import type { ClusterDocument } from "../../../core/cluster/document/document.ts";
import { registerScheduler } from "../../../core/cluster/membership/membership.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { ObjectStore } from "../../../ports/object-store.ts";
import type { Random } from "../../../ports/random.ts";
import { type AttemptResult, ClusterState } from "../cluster-state.ts";

export interface RaceOptions {
  /** A store over the same place for each scheduler. */
  readonly openStore: (scheduler: number) => ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly schedulers: number;
  /** Changes that each scheduler commits, one after another. */
  readonly changes: number;
}

export interface RaceResult {
  readonly document: ClusterDocument;
  /** Revisions at which the changes were reported as committed. */
  readonly revisions: readonly number[];
  readonly attempts: Readonly<Record<AttemptResult, number>>;
  /** Changes that were given up, by error name. */
  readonly givenUp: readonly string[];
  /** Increments in the document, and those that were acknowledged. */
  readonly counted: number;
  readonly acknowledged: number;
}

/**
 * Schedulers that race on one document: each registers and increments one shared counter. Exactly the acknowledged
 * increments must be there. For the conformance of a store (tier `store`) and for the simulated one.
 */
export async function raceSchedulers(options: RaceOptions): Promise<RaceResult> {
  const attempts = { committed: 0, conflict: 0, "lost-reply": 0, failed: 0 };
  const revisions: number[] = [];
  const givenUp: string[] = [];
  const states = Array.from(
    { length: options.schedulers },
    (_, i) =>
      new ClusterState({
        store: options.openStore(i),
        clock: options.clock,
        random: options.random,
        schedulerId: `s${i}:50052`,
        instanceId: options.random.uuid(),
        onAttempt: (result) => {
          attempts[result] += 1;
        },
      }),
  );
  await Promise.all(states.map((state) => state.open()));
  await Promise.all(states.map((state) => insist(() => register(state))));
  await Promise.all(
    states.map(async (state) => {
      for (let n = 0; n < options.changes; n += 1) {
        try {
          const { snapshot } = await state.change((document) => ({
            document: withCount(document, countOf(document) + 1),
            result: undefined,
          }));
          revisions.push(snapshot.document.revision);
        } catch (error) {
          givenUp.push((error as Error).name);
        }
      }
    }),
  );
  const { document } = await states[0]!.refresh();
  return {
    document,
    revisions,
    attempts,
    givenUp,
    counted: countOf(document),
    acknowledged: revisions.length,
  };
}

/** A registration is repeated until it is through; only the increments may be given up. */
async function insist(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 10) throw error;
    }
  }
}

async function register(state: ClusterState): Promise<void> {
  const { schedulerId: id, instanceId } = state;
  const entry = {
    scheduler_id: id,
    instance_id: instanceId,
    advertise_address: id,
    grpc_address: id,
    http_address: id,
    started_at_ms: 0,
    ttl_ms: 30_000,
    build_version: "0.0.0",
    labels: {},
    last_write_seq: 0,
  };
  await state.change((document) => ({
    document: registerScheduler(document, entry, undefined),
    result: undefined,
  }));
}

/** The counter stands in a field that the program does not know, so the race also shows that such fields survive. */
function countOf(document: ClusterDocument): number {
  return (document as { readonly count?: number }).count ?? 0;
}

function withCount(document: ClusterDocument, count: number): ClusterDocument {
  const next = { ...document, count };
  return next;
}
