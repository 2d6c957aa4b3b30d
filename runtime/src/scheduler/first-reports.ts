import type { Clock } from "../ports/clock.ts";

/** Executors list schedulers every 10 s, so all of them have found a new one by then. */
const longestMs = 15_000;

/**
 * Whether a scheduler that started into a running cluster has been told yet what the executors serve. Until then it
 * would refuse queries that the others answer, so nobody should be sent to it; but it does not wait for long, for what
 * is still missing then is missing everywhere.
 */
export class FirstReports {
  readonly #clock: Clock;
  #firstLookMs: number | undefined;
  #complete = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Look at the tables as they stand, once the scheduler is a member; true from the first time on that nothing is to be
   * waited for.
   */
  complete(
    tables: readonly { readonly known: boolean; readonly partitions: number; readonly loaded: number }[],
  ): boolean {
    const now = this.#clock.monotonicMs();
    this.#firstLookMs ??= now;
    this.#complete ||=
      tables.every(({ known, partitions, loaded }) => !known || loaded === partitions) ||
      now - this.#firstLookMs >= longestMs;
    return this.#complete;
  }
}
