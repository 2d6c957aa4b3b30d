import { slicesOf, tableAssignment } from "../../core/cluster/assignment/slices.ts";
import type { ClusterDocument, TableEntry } from "../../core/cluster/document/document.ts";
import type {
  HeldPartition,
  SchedulerMessage,
  TableAssignment,
} from "../../core/cluster/membership/messages.ts";

/** A command that was not acknowledged is sent again after this long (with the next beat). */
export const RESEND_MS = 5_000;

interface TableState {
  /** Newest revision that the executor acknowledged, or said to hold. */
  known: number;
  /** It may hold something of this table. */
  holds: boolean;
  pending: { readonly command: string; readonly assignment: TableAssignment; sentAtMs: number } | undefined;
}

/**
 * Brings one connected executor to what the document gives it: sends each table's assignment at its newest revision,
 * and again until it is acknowledged. Level by level: an older command that got lost needs no repair.
 */
export class Notifier {
  readonly #executor: string;
  readonly #send: (message: SchedulerMessage) => void;
  readonly #tables = new Map<string, TableState>();
  #generation: number;
  #pendingApp: { readonly generation: number; sentAtMs: number } | undefined;

  constructor(
    executor: string,
    send: (message: SchedulerMessage) => void,
    held: readonly { readonly table: string; readonly revision: number }[],
    generation: number,
  ) {
    this.#executor = executor;
    this.#send = send;
    this.#generation = generation;
    for (const { table, revision } of held) {
      this.#tables.set(table, { known: revision, holds: true, pending: undefined });
    }
  }

  /** Send what is due at `nowMs`. */
  notify(document: ClusterDocument, nowMs: number): void {
    if (document.app !== undefined && document.app.generation > this.#generation) {
      const { generation } = document.app;
      const due =
        this.#pendingApp?.generation !== generation || nowMs - this.#pendingApp.sentAtMs >= RESEND_MS;
      if (due) {
        this.#pendingApp = { generation, sentAtMs: nowMs };
        this.#send({ kind: "app-changed", command: `app ${generation}`, app: document.app });
      }
    }
    for (const [name, entry] of Object.entries(document.accelerations)) {
      this.#bring(name, entry.revision, nowMs, () => {
        const slice = cachedSlices(entry).get(this.#executor);
        return slice === undefined && this.#tables.get(name)?.holds !== true
          ? undefined
          : tableAssignment(entry, slice ?? []);
      });
    }
    for (const [name, { holds, pending }] of this.#tables) {
      if (document.accelerations[name] !== undefined || !holds) continue;
      // The table is gone from the document: nothing of it is held any more, as of this revision.
      const revision =
        pending?.assignment.partitions.length === 0 ? pending.assignment.revision : document.revision;
      const assignment = { table: name, revision, expressions: [], partitions: [] };
      this.#bring(name, revision, nowMs, () => assignment);
    }
  }

  /** The executor did what `command` asked. */
  acknowledged(command: string): void {
    if (this.#pendingApp !== undefined && command === `app ${this.#pendingApp.generation}`) {
      this.#generation = this.#pendingApp.generation;
      this.#pendingApp = undefined;
      return;
    }
    for (const state of this.#tables.values()) {
      if (state.pending?.command !== command) continue;
      state.known = state.pending.assignment.revision;
      state.holds = state.pending.assignment.partitions.length > 0;
      state.pending = undefined;
      return;
    }
  }

  #bring(name: string, revision: number, nowMs: number, assignment: () => TableAssignment | undefined): void {
    const state = this.#tables.get(name);
    if (state !== undefined && state.known >= revision) return;
    const { pending } = state ?? {};
    if (pending?.assignment.revision === revision) {
      if (nowMs - pending.sentAtMs < RESEND_MS) return;
      pending.sentAtMs = nowMs;
      this.#send({ kind: "update-partitions", command: pending.command, assignment: pending.assignment });
      return;
    }
    const next = assignment();
    if (next === undefined) return;
    const command = `${name} ${revision}`;
    // From now on the executor may hold what was sent, acknowledged or not.
    this.#tables.set(name, {
      known: state?.known ?? 0,
      holds: true,
      pending: { command, assignment: next, sentAtMs: nowMs },
    });
    this.#send({ kind: "update-partitions", command, assignment: next });
  }
}

const slices = new WeakMap<TableEntry, Map<string, HeldPartition[]>>();

function cachedSlices(entry: TableEntry): Map<string, HeldPartition[]> {
  let known = slices.get(entry);
  if (known === undefined) {
    known = slicesOf(entry);
    slices.set(entry, known);
  }
  return known;
}
