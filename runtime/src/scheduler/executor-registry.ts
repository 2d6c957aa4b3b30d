import type { Beat, Column, ControlStreamResponse, PartitionState, TableState } from "@spice-shards/proto";
import type { Clock } from "../ports/clock.ts";

/** What an executor says it holds of one table. */
export interface TableHolding {
  readonly table: string;
  /** Assignment revision that the executor follows. */
  readonly revision: number;
  readonly partitions: ReadonlyMap<string, PartitionState>;
  readonly columns: readonly Column[];
  readonly error: string;
  readonly lastRefreshMs: number;
  readonly refreshing: boolean;
}

/** One open control stream. */
export interface ExecutorSession {
  readonly id: string;
  readonly instanceId: string;
  readonly advertiseAddress: string;
  readonly buildVersion: string;
  readonly connectedAtMs: number;
  readonly holdings: ReadonlyMap<string, TableHolding>;
  /** The executor's beat counter, and when this scheduler saw it move (monotonic milliseconds). */
  readonly beat: { readonly counter: number; readonly movedAtMs: number };
  /** Queue a message; dropped when the stream has ended (what matters is sent again on the next one). */
  send(message: ControlStreamResponse): void;
}

export interface NewSession {
  readonly id: string;
  readonly instanceId: string;
  readonly advertiseAddress: string;
  readonly buildVersion: string;
  send(message: ControlStreamResponse): void;
  /** End the stream from this side. */
  end(): void;
}

type OpenSession = Omit<ExecutorSession, "holdings" | "beat"> & {
  holdings: Map<string, TableHolding>;
  beat: { counter: number; movedAtMs: number };
  end(): void;
};

export type RegistryEvent =
  | { readonly kind: "joined"; readonly executor: string }
  | { readonly kind: "left"; readonly executor: string }
  | { readonly kind: "holding"; readonly executor: string; readonly table: string };

/**
 * What one scheduler hears from executors over their control streams. Nothing here is authoritative: ownership is in
 * the cluster document, and after a restart the executors report everything again (spec chapter 04, Executors).
 */
export class ExecutorRegistry {
  readonly #clock: Clock;
  readonly #sessions = new Map<string, OpenSession>();
  readonly #listeners = new Set<(event: RegistryEvent) => void>();
  readonly #replaced = new Map<string, Set<string>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Take a new stream. A second stream of the same executor ends the first; when the first belonged to an older
   * instance, that one is told `replaced` and its acknowledgements are void.
   *
   * @returns false when the instance itself was replaced before: the caller answers `replaced`.
   */
  open(session: NewSession): boolean {
    if (this.#replaced.get(session.id)?.has(session.instanceId) === true) return false;
    const previous = this.#sessions.get(session.id);
    if (previous !== undefined) {
      if (previous.instanceId !== session.instanceId) {
        const gone = this.#replaced.get(session.id) ?? new Set<string>();
        this.#replaced.set(session.id, gone.add(previous.instanceId));
        previous.send({
          commandId: "",
          message: { $case: "replaced", value: { instanceId: session.instanceId } },
        });
      }
      previous.end();
    }
    this.#sessions.set(session.id, {
      ...session,
      connectedAtMs: this.#clock.wallMs(),
      holdings: new Map(),
      beat: { counter: -1, movedAtMs: this.#clock.monotonicMs() },
    });
    this.#emit({ kind: "joined", executor: session.id });
    return true;
  }

  /** Forget a stream that ended; ignored when a newer stream of the executor has taken its place. */
  close(session: NewSession): void {
    const current = this.#sessions.get(session.id);
    if (current === undefined || current.instanceId !== session.instanceId || current.send !== session.send)
      return;
    this.#sessions.delete(session.id);
    this.#emit({ kind: "left", executor: session.id });
  }

  beat(id: string, beat: Beat): void {
    const session = this.#sessions.get(id);
    if (session !== undefined && beat.counter > session.beat.counter) {
      session.beat = { counter: beat.counter, movedAtMs: this.#clock.monotonicMs() };
    }
  }

  report(id: string, state: TableState): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    session.holdings.set(state.table, {
      table: state.table,
      revision: state.revision,
      partitions: new Map(state.partitions.map((p) => [p.key, p])),
      columns: state.columns,
      error: state.error,
      lastRefreshMs: state.lastRefreshMs,
      refreshing: state.refreshing,
    });
    this.#emit({ kind: "holding", executor: id, table: state.table });
  }

  get(id: string): ExecutorSession | undefined {
    return this.#sessions.get(id);
  }

  /** Open sessions, by executor id. */
  sessions(): readonly ExecutorSession[] {
    return [...this.#sessions.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Call `listener` on every change until the returned function is called. */
  subscribe(listener: (event: RegistryEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** End every stream, for shutdown. */
  endAll(): void {
    for (const session of this.#sessions.values()) session.end();
  }

  #emit(event: RegistryEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
