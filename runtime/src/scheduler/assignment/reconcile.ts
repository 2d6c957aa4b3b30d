import type { PartitionSizes } from "../../core/cluster/assignment/assign.ts";
import { type Absences, diffDiscovery } from "../../core/cluster/assignment/diff.ts";
import {
  type AssignmentSettings,
  type CycleReport,
  type CycleTable,
  type Discovery,
  maySeed,
  planCycle,
} from "../../core/cluster/cycle.ts";
import type { ClusterDocument } from "../../core/cluster/document/document.ts";
import type { PartitionValues } from "../../core/cluster/document/partition-values.ts";
import { driverOf } from "../../core/cluster/membership/membership.ts";
import type { Clock } from "../../ports/clock.ts";
import type { MoveChange, MoveDriver } from "../moves/move-driver.ts";
import type { ClusterState } from "../state/cluster-state.ts";

/** An accelerated table as the reconciler needs it; built from the spicepod in force. */
export type ReconcileTable = Omit<CycleTable, "discovery">;

export interface ReconcilerOptions {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly settings: AssignmentSettings;
  /** `partition_assignment_interval`. */
  readonly intervalMs: number;
  /** `SPICED_EXPECTED_EXECUTORS`. */
  readonly expectedExecutors?: number;
  /** Every accelerated table of the spicepod in force, as of now. */
  readonly tables: () => readonly ReconcileTable[];
  /** The partition values of a table, from its source; bounded by `partition_discovery_timeout`. */
  readonly discover: (table: ReconcileTable, signal: AbortSignal) => Promise<PartitionValues>;
  /** Executors that may get partitions (`ExecutorDesk.live`). */
  readonly live: () => { readonly ids: readonly string[]; readonly quietForMs: number };
  /** Rows and bytes as reported (`ReportBook.sizes`). */
  readonly sizes?: (document: ClusterDocument, table: string) => PartitionSizes | undefined;
  /** Moves partitions between executors; without it they stay where they are. */
  readonly moves?: MoveDriver;
  /** Does this scheduler drive the periodic cycle? Default: its id is the lowest in the document. */
  readonly drives?: () => boolean;
  readonly onReport?: (report: CycleReport) => void;
  /** A table's discovery failed: its old assignment stays, the others go on. */
  readonly onDiscoveryError?: (table: string, error: unknown) => void;
  readonly onError?: (error: unknown) => void;
}

const SOON_MS = 1_000;
/** What happens within this time calls for one cycle together. */
const COALESCE_MS = 100;
/** Why a sleep ends early. Without a reason each wake would make an error with its stack trace. */
const WOKEN = "woken";

/**
 * Runs reconcile cycles (spec chapter 04, Assignment). All changes of a cycle go into one conditional write; what was
 * committed reaches the executors through the desk, which listens to the document.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #absences = new Map<string, Absences>();
  readonly #running = new Map<string, Promise<Discovery>>();
  /** When the next periodic cycle and the next look at the moves are due, on the monotonic clock. */
  #cycleAtMs = Number.NEGATIVE_INFINITY;
  #movesAtMs = Number.POSITIVE_INFINITY;
  /** The sleep until the next of them, while the loop sleeps. */
  #nap: AbortController | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /**
   * The periodic cycle: from recorded discovery, capped. Tables that were never discovered, or whose layout changed
   * and may be rebuilt, are discovered first. Errors of the state client pass through.
   */
  async reconcileAll(signal: AbortSignal): Promise<CycleReport> {
    const tables = this.#options.tables();
    const undiscovered = tables.filter((table) => {
      const entry = this.#options.state.document.accelerations[table.name];
      return entry === undefined || (table.onChangedExpressions === "rebuild" && differs(entry, table));
    });
    const found = new Map<string, Discovery>();
    await Promise.all(
      undiscovered.map(async (table) => {
        try {
          found.set(table.name, await this.#discover(table, signal));
        } catch (error) {
          signal.throwIfAborted();
          this.#options.onDiscoveryError?.(table.name, error);
        }
      }),
    );
    this.#forget(tables);
    return this.#commit(found, undefined, await this.#options.moves?.prepare(signal));
  }

  /**
   * One table, uncapped: before a forwarded refresh and after each finished refresh cycle. Rejects with the
   * discovery's error; the old assignment then stays.
   */
  async reconcileTable(name: string, signal: AbortSignal): Promise<CycleReport> {
    const table = this.#options.tables().find((candidate) => candidate.name === name);
    if (table === undefined) throw new Error(`${name} is not an accelerated table of the spicepod in force`);
    const discovery = await this.#discover(table, signal);
    return this.#commit(new Map([[name, discovery]]), new Set([name]), undefined);
  }

  /** Make the moves that are due, and nothing else. Errors of the state client pass through. */
  async reconcileMoves(signal: AbortSignal): Promise<void> {
    const { moves, state } = this.#options;
    if (moves === undefined) return;
    const change = await moves.prepare(signal);
    const preview = change(state.document);
    const { result } = preview.document === state.document ? preview : await state.change(change);
    this.#moved(moves, result);
  }

  /** Run the periodic cycle now rather than at the end of the interval (an executor joined, the spicepod changed). */
  wake(): void {
    const now = this.#options.clock.monotonicMs();
    if (this.#cycleAtMs <= now) return;
    this.#cycleAtMs = now;
    this.#nap?.abort(WOKEN);
  }

  /** Look at the moves soon (a learner has loaded, an executor came, is silent, or drains). */
  wakeMoves(): void {
    this.#movesWithin(COALESCE_MS);
  }

  /** Run the periodic cycle until `signal` aborts; a scheduler that does not drive only waits. */
  async run(signal: AbortSignal): Promise<void> {
    const end = () => this.#nap?.abort(signal.reason);
    signal.addEventListener("abort", end, { once: true });
    try {
      while (!signal.aborted) {
        await this.#runDue(signal);
        await this.#untilDue(signal);
      }
    } finally {
      signal.removeEventListener("abort", end);
    }
  }

  /** Run what is due. What happens meanwhile sets the next due times, and so calls for another run. */
  async #runDue(signal: AbortSignal): Promise<void> {
    const { clock, intervalMs, onError } = this.#options;
    const cycleDue = this.#cycleAtMs <= clock.monotonicMs();
    if (!cycleDue && this.#movesAtMs > clock.monotonicMs()) return;
    this.#movesAtMs = Number.POSITIVE_INFINITY;
    if (cycleDue) this.#cycleAtMs = Number.POSITIVE_INFINITY;
    let pauseMs = intervalMs;
    try {
      if (this.#drives()) {
        if (!cycleDue) await this.reconcileMoves(signal);
        else if ((await this.reconcileAll(signal)).waiting.length > 0) pauseMs = SOON_MS;
      }
    } catch (error) {
      if (signal.aborted) return;
      onError?.(error);
      this.#movesWithin(SOON_MS);
    }
    this.#cycleAtMs = Math.min(this.#cycleAtMs, clock.monotonicMs() + pauseMs);
  }

  /** Sleep until the next due time, or until an earlier one is set. */
  async #untilDue(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const dueInMs = Math.min(this.#cycleAtMs, this.#movesAtMs) - clock.monotonicMs();
    if (dueInMs <= 0 || signal.aborted) return;
    const nap = new AbortController();
    this.#nap = nap;
    try {
      await clock.sleep(dueInMs, nap.signal);
    } catch (error) {
      if (!nap.signal.aborted) throw error;
    } finally {
      this.#nap = undefined;
    }
  }

  #drives(): boolean {
    const { drives, state } = this.#options;
    return drives?.() ?? driverOf(state.document) === state.schedulerId;
  }

  #movesWithin(ms: number): void {
    if (this.#options.moves === undefined) return;
    const atMs = this.#options.clock.monotonicMs() + ms;
    if (this.#movesAtMs <= atMs) return;
    this.#movesAtMs = atMs;
    this.#nap?.abort(WOKEN);
  }

  #moved(moves: MoveDriver, report: Parameters<MoveDriver["done"]>[0]): void {
    moves.done(report);
    // One step may make way for the next; in the end there is none.
    if (report.steps.length > 0) this.#movesWithin(SOON_MS);
  }

  async #commit(
    found: ReadonlyMap<string, Discovery>,
    only: ReadonlySet<string> | undefined,
    moveChange: MoveChange | undefined,
  ): Promise<CycleReport> {
    const { state, clock, settings, expectedExecutors, live, sizes, onReport, moves } = this.#options;
    const periodic = only === undefined;
    const tables = this.#options.tables().map((table): CycleTable => {
      const discovery = found.get(table.name);
      return discovery === undefined ? table : { ...table, discovery };
    });
    const { ids, quietForMs } = live();
    const plan = (document: ClusterDocument) => {
      const cycle = planCycle(document, {
        tables,
        ...(only === undefined ? {} : { only }),
        complete: periodic,
        liveExecutors: ids,
        seeding: maySeed(ids.length, quietForMs, expectedExecutors),
        capped: periodic,
        settings,
        ...(sizes === undefined ? {} : { sizes }),
        nowMs: clock.wallMs(),
      });
      const move = moveChange?.(cycle.document);
      return {
        document: move?.document ?? cycle.document,
        result: { cycle: cycle.result, move: move?.result },
      };
    };
    // At rest this costs no request: the poll keeps the document fresh enough to see that nothing is to do.
    const preview = plan(state.document);
    const { result } = preview.document === state.document ? preview : await state.change(plan);
    onReport?.(result.cycle);
    if (moves !== undefined && result.move !== undefined) this.#moved(moves, result.move);
    return result.cycle;
  }

  /** Concurrent requests for a table join the discovery that runs; it ends when the first one's signal aborts. */
  #discover(table: ReconcileTable, signal: AbortSignal): Promise<Discovery> {
    const running = this.#running.get(table.name);
    if (running !== undefined) return running;
    const discovery = this.#discoverNow(table, signal).finally(() => this.#running.delete(table.name));
    this.#running.set(table.name, discovery);
    return discovery;
  }

  async #discoverNow(table: ReconcileTable, signal: AbortSignal): Promise<Discovery> {
    const { state, clock, discover } = this.#options;
    const values = await discover(table, signal);
    const entry = state.document.accelerations[table.name];
    const discoveredAtMs = clock.wallMs();
    if (entry === undefined || differs(entry, table)) {
      this.#absences.delete(table.name);
      return { values, discoveredAtMs, removable: new Map() };
    }
    const diff = diffDiscovery(entry.partitions, values, this.#absences.get(table.name) ?? new Map());
    this.#absences.set(table.name, diff.absent);
    return { values, discoveredAtMs, removable: diff.removable };
  }

  #forget(tables: readonly ReconcileTable[]): void {
    const names = new Set(tables.map((table) => table.name));
    for (const name of this.#absences.keys()) if (!names.has(name)) this.#absences.delete(name);
  }
}

function differs(
  entry: { readonly partition_expressions: readonly string[] },
  table: ReconcileTable,
): boolean {
  return (
    entry.partition_expressions.length !== table.expressions.length ||
    entry.partition_expressions.some((text, i) => text !== table.expressions[i])
  );
}
