import type { Beat, ControlStreamResponse, PartitionReport, TableReport } from "@spice-shards/proto";
import type { Clock } from "../ports/clock.ts";

/** What an executor says of one table. */
export interface TableHolding {
  /** By canonical partition key. */
  readonly partitions: ReadonlyMap<string, PartitionReport>;
  /** Columns, errors, progress; undefined until the executor told them. */
  readonly table: TableReport | undefined;
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

interface OpenHolding {
  partitions: Map<string, PartitionReport>;
  table: TableReport | undefined;
}

type OpenSession = Omit<ExecutorSession, "holdings" | "beat"> & {
  holdings: Map<string, OpenHolding>;
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

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Take a new stream. A second stream of the same executor ends the first; when the first belonged to an older
   * instance, that one is told `replaced` and its acknowledgements are void.
   *
   * Which instance is the present one was decided by the cluster document before.
   */
  open(session: NewSession): void {
    const previous = this.#sessions.get(session.id);
    if (previous !== undefined) {
      if (previous.instanceId !== session.instanceId) {
        const reason = `instance ${session.instanceId} runs under the id ${session.id}`;
        previous.send({ commandId: "", message: { $case: "replaced", value: { reason } } });
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

  report(id: string, report: PartitionReport): void {
    const holding = this.#holding(id, report.table);
    if (holding === undefined) return;
    holding.partitions.set(report.key, report);
    this.#emit({ kind: "holding", executor: id, table: report.table });
  }

  reportTable(id: string, report: TableReport): void {
    const holding = this.#holding(id, report.table);
    if (holding === undefined) return;
    holding.table = report;
    this.#emit({ kind: "holding", executor: id, table: report.table });
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

  #holding(id: string, table: string): OpenHolding | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined) return undefined;
    let holding = session.holdings.get(table);
    if (holding === undefined) {
      holding = { partitions: new Map(), table: undefined };
      session.holdings.set(table, holding);
    }
    return holding;
  }

  #emit(event: RegistryEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
