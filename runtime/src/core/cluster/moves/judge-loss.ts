import type { ClusterDocument } from "../document/document.ts";
import { BEAT_INTERVAL_MS } from "../membership/beat-interval.ts";
import { TTL_GRACE_MS } from "../membership/counter-observer.ts";

/** Silence of an executor in milliseconds as one observer watched it without a pause; undefined: not watched. */
export type Silence = (executor: string, instance: string) => number | undefined;

/** What is known of one other scheduler's view. */
export type PeerEvidence =
  /** It answered: these executors (id → instance) were silent there for as long as {@link silenceLimitMs}. */
  | { readonly kind: "answer"; readonly instance: string; readonly silent: ReadonlyMap<string, string> }
  /** It does not answer: for how long the executor's counter in its heartbeat file did not move. */
  | { readonly kind: "file"; readonly instance: string; readonly silentForMs: Silence };

/** All that the driver gathered before it judges. */
export interface LossEvidence {
  /**
   * The document's revision when the gathering began. Evidence counts for this revision alone: a scheduler that
   * hears an executor again after a silence writes the document before it promises anything, and so voids it.
   */
  readonly revision: number;
  /** The scheduler that judges. */
  readonly self: string;
  /** `executor_lost_after`. */
  readonly lostAfterMs: number;
  /** Since the judge last saw a scheduler leave the document; Infinity when it saw none leave. */
  readonly sinceDepartureMs: number;
  /** The judge's own view. */
  readonly silentForMs: Silence;
  /** The other schedulers of the document, by id. One that is missing here vouches for nothing. */
  readonly peers: ReadonlyMap<string, PeerEvidence>;
}

/** A lease is over for certain after this long without a confirmation, whatever the clocks' rates. */
export function silenceLimitMs(lostAfterMs: number): number {
  return 1.2 * lostAfterMs;
}

/** Executors that this observer alone finds silent for as long: those to ask the peers about. */
export function suspects(document: ClusterDocument, silentForMs: Silence, lostAfterMs: number): string[] {
  return silentFor(document, silentForMs, silenceLimitMs(lostAfterMs));
}

/**
 * Executors that this observer has not heard for half of `executor_lost_after`, and for longer than it takes to miss
 * a beat. Beats do not stop at the same moment when many executors go at once: those that follow the first lost one
 * within a beat are among these.
 */
export function unheard(document: ClusterDocument, silentForMs: Silence, lostAfterMs: number): string[] {
  return silentFor(document, silentForMs, Math.max(lostAfterMs / 2, 1.5 * BEAT_INTERVAL_MS));
}

function silentFor(document: ClusterDocument, silentForMs: Silence, limitMs: number): string[] {
  return Object.entries(document.executors)
    .filter(([id, { instance_id: instance }]) => {
      const silent = silentForMs(id, instance);
      return silent !== undefined && silent >= limitMs;
    })
    .map(([id]) => id)
    .sort();
}

/**
 * The executors whose read leases are over for certain (spec chapter 04, Moves): no scheduler of the document saw
 * their counter move for 1.2 × `executor_lost_after`. Call it inside the change that acts on it, with the document
 * that is changed. Nobody is lost when the document is another than the evidence is about, or when a scheduler left
 * so lately that a lease which it confirmed may still run.
 */
export function judgeLoss(document: ClusterDocument, evidence: LossEvidence): ReadonlySet<string> {
  const { revision, self, lostAfterMs, sinceDepartureMs, peers } = evidence;
  if (document.revision !== revision || sinceDepartureMs < silenceLimitMs(lostAfterMs)) return new Set();
  const others = Object.values(document.schedulers).filter(({ scheduler_id: id }) => id !== self);
  return new Set(
    suspects(document, evidence.silentForMs, lostAfterMs).filter((executor) => {
      const { instance_id: instance } = document.executors[executor]!;
      return others.every((scheduler) => {
        const found = peers.get(scheduler.scheduler_id);
        // A process that took the place of the one that was asked knows nothing of what that one promised.
        if (found === undefined || found.instance !== scheduler.instance_id) return false;
        if (found.kind === "answer") return found.silent.get(executor) === instance;
        const silent = found.silentForMs(executor, instance);
        // It may have beaten just after it wrote the file that was read, and its next one may be a TTL away.
        return (
          silent !== undefined && silent >= silenceLimitMs(lostAfterMs) + scheduler.ttl_ms + TTL_GRACE_MS
        );
      });
    }),
  );
}
