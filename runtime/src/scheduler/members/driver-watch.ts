import type { SchedulerEntry } from "../../core/cluster/document/document.ts";
import { driverOf } from "../../core/cluster/membership/membership.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ClusterState } from "../state/cluster-state.ts";
import type { PeerBeat } from "../state/scheduler-observer.ts";

const TURN_MS = 2_500;

/** Turns in a row without an answer, so 10 s: longer than the pauses of a node that has far more to do than cores. */
const MISSES = 4;

export interface DriverWatchOptions {
  readonly state: Pick<ClusterState, "document" | "schedulerId">;
  readonly clock: Clock;
  /** The last beat of a peer; rejects when it does not answer in time. */
  readonly ask: (peer: SchedulerEntry) => Promise<PeerBeat>;
}

interface Missed {
  readonly instance: string;
  readonly turns: number;
}

/**
 * Who drives the assignment as this scheduler sees it: the lowest id of those that answer, long before one that does
 * not is removed from the document. Two that both believe to drive waste work and harm nothing, since every change is
 * a conditional write (spec chapter 04, Assignment); who is lost, and who is a member, is judged by other rules.
 */
export class DriverWatch {
  readonly #options: DriverWatchOptions;
  /** Those that did not answer in the last look. */
  #missed: ReadonlyMap<string, Missed> = new Map();

  constructor(options: DriverWatchOptions) {
    this.#options = options;
  }

  /** The id of the scheduler that drives; undefined when there is none. */
  get driver(): string | undefined {
    const { document } = this.#options.state;
    const gone = [...this.#missed].filter(
      ([id, { instance, turns }]) => turns >= MISSES && document.schedulers[id]?.instance_id === instance,
    );
    return driverOf(document, new Set(gone.map(([id]) => id)));
  }

  /** Look until `signal` aborts, and call `changed` each time that a look shows another driver than before. */
  async watch(changed: () => void, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      const startedMs = clock.monotonicMs();
      const before = this.driver;
      await this.#look();
      if (this.driver !== before) changed();
      const pauseMs = Math.max(0, startedMs + TURN_MS - clock.monotonicMs());
      // Only the abort can end the sleep early, and the loop's condition sees it.
      await clock.sleep(pauseMs, signal).catch(() => undefined);
    }
  }

  /** Ask those before this one in their order, up to the first that answers: that one drives, whatever comes after it. */
  async #look(): Promise<void> {
    const { state } = this.#options;
    const missed = new Map<string, Missed>();
    for (const [id, peer] of byId(state.document.schedulers)) {
      if (id >= state.schedulerId || (await this.#answers(peer))) break;
      const { instance_id: instance } = peer;
      const last = this.#missed.get(id);
      missed.set(id, { instance, turns: (last?.instance === instance ? last.turns : 0) + 1 });
    }
    this.#missed = missed;
  }

  /** Another process under the id is no answer: it waits until the id is free, and does not drive. */
  async #answers(peer: SchedulerEntry): Promise<boolean> {
    try {
      return (await this.#options.ask(peer)).instance_id === peer.instance_id;
    } catch {
      // Whatever the reason: it cannot be reached, which is what is counted.
      return false;
    }
  }
}

function byId<T>(entries: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1));
}
