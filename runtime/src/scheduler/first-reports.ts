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
  readonly #startedMs: number;
  #complete = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
  }

  /** Look at the tables as they stand; true from the first time on that nothing is to be waited for. */
  complete(
    tables: readonly { readonly known: boolean; readonly partitions: number; readonly loaded: number }[],
  ): boolean {
    this.#complete ||=
      tables.every(({ known, partitions, loaded }) => !known || loaded === partitions) ||
      this.#clock.monotonicMs() - this.#startedMs >= longestMs;
    return this.#complete;
  }
}
