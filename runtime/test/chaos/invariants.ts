export type ViolationKind =
  | "wrong-answer"
  | "stale-answer"
  | "undocumented-failure"
  | "failed-query"
  | "unanswered-query"
  | "document"
  | "claims"
  | "log"
  | "exit"
  | "moves"
  | "memory";

export interface Violation {
  readonly kind: ViolationKind;
  readonly atMs: number;
  readonly what: string;
}

/** What was found to be broken, and what happened when: the report of a failure. */
export class Journal {
  readonly violations: Violation[] = [];
  readonly #timeline: string[] = [];
  readonly #startedMs = performance.now();

  /** Milliseconds since the journal began. */
  nowMs(): number {
    return Math.round(performance.now() - this.#startedMs);
  }

  note(what: string): void {
    this.#timeline.push(`${this.#stamp()} ${what}`);
  }

  violation(kind: ViolationKind, what: string): void {
    this.violations.push({ kind, atMs: this.nowMs(), what });
    this.note(`VIOLATION ${kind}: ${what}`);
  }

  /** The lines since the last call. */
  takeTimeline(): readonly string[] {
    return this.#timeline.splice(0);
  }

  #stamp(): string {
    return `${(this.nowMs() / 1000).toFixed(3).padStart(9)} s`;
  }
}
