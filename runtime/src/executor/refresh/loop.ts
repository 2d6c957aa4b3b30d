import { type RetryPolicy, retryDelay } from "../../core/refresh/retry.ts";
import { type RefreshSchedule, untilNextRefresh } from "../../core/refresh/schedule.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";
import type { AcceleratedTable } from "../storage/accelerated-table.ts";
import type { RefreshProgress, RefreshReport, RefreshRequest } from "../storage/refresh-types.ts";

/** What a refresh loop tells; all of it is for status, metrics and logs. */
export type RefreshEvent =
  | { readonly kind: "progress"; readonly progress: RefreshProgress }
  | { readonly kind: "finished"; readonly requestId: string | null; readonly report: RefreshReport }
  | {
      readonly kind: "failed";
      readonly requestId: string | null;
      readonly error: unknown;
      /** Milliseconds until the next attempt; null when the budget is used up. */
      readonly retryInMs: number | null;
    }
  | { readonly kind: "retained"; readonly rows: number };

export interface RefreshLoopOptions {
  readonly table: Pick<AcceleratedTable, "refresh" | "retain">;
  readonly schedule: RefreshSchedule;
  readonly retry: RetryPolicy;
  /** How often retention runs; not at all when absent. */
  readonly retentionCheckMs?: number;
  readonly clock: Clock;
  readonly random: Random;
  onEvent(event: RefreshEvent): void;
}

/** Requests that are remembered to recognise a repeated one. */
const rememberedRequests = 1_000;

/**
 * Keeps one dataset fresh: owns its timers, retries and requests. Start it with `run`; it ends when the signal
 * aborts. One refresh at a time; failures keep the old data and are told as events.
 *
 * waiting ──time or request──▶ refreshing ──ok──▶ waiting; ──failure──▶ back-off ──▶ refreshing
 */
export class RefreshLoop {
  readonly #options: RefreshLoopOptions;
  readonly #requests = new Map<string, Promise<RefreshReport>>();
  #signal: AbortSignal | undefined;

  constructor(options: RefreshLoopOptions) {
    this.#options = options;
  }

  /** Run until `signal` aborts; resolves when everything has ended. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    await Promise.all([this.#refreshes(signal), this.#retention(signal)]);
    await Promise.allSettled(this.#requests.values());
  }

  /**
   * Refresh now. A `requestId` that was seen before joins that refresh, running or finished, so that several
   * schedulers may send the same request. It starts after `delayMs`. Rejects with the refresh's error; it is not
   * retried.
   */
  request(requestId: string, request: RefreshRequest, delayMs = 0): Promise<RefreshReport> {
    const known = this.#requests.get(requestId);
    if (known !== undefined) return known;
    const signal = this.#signal ?? new AbortController().signal;
    const start = async () => {
      if (delayMs > 0) await this.#options.clock.sleep(delayMs, signal);
      return this.#once(requestId, request, signal);
    };
    const running = start().catch((error: unknown) => {
      if (!signal.aborted) this.#options.onEvent({ kind: "failed", requestId, error, retryInMs: null });
      throw error;
    });
    running.catch(() => undefined); // A caller may only want the event.
    this.#requests.set(requestId, running);
    for (const old of this.#requests.keys()) {
      if (this.#requests.size <= rememberedRequests) break;
      this.#requests.delete(old);
    }
    return running;
  }

  async #refreshes(signal: AbortSignal): Promise<void> {
    const { schedule, clock, random } = this.#options;
    for (;;) {
      const wait = untilNextRefresh(schedule, clock.wallMs(), random.next());
      if (wait === undefined || !(await this.#sleep(wait, signal))) return;
      await this.#withRetries(signal);
      if (signal.aborted) return;
    }
  }

  async #withRetries(signal: AbortSignal): Promise<void> {
    const { retry, random, onEvent } = this.#options;
    let remaining: readonly string[] | undefined;
    for (let attempt = 1; ; attempt++) {
      let error: unknown;
      try {
        const report = await this.#once(
          null,
          remaining === undefined ? {} : { partitions: remaining },
          signal,
        );
        if (report.failed.length === 0) return;
        remaining = report.failed.map((f) => f.key);
        error = report.failed[0]!.error;
      } catch (caught) {
        if (signal.aborted) return;
        error = caught;
      }
      const delay = retryDelay(retry, attempt, random.next());
      onEvent({ kind: "failed", requestId: null, error, retryInMs: delay ?? null });
      if (delay === undefined || !(await this.#sleep(delay, signal))) return;
    }
  }

  async #once(
    requestId: string | null,
    request: RefreshRequest,
    signal: AbortSignal,
  ): Promise<RefreshReport> {
    const { table, onEvent } = this.#options;
    const report = await table.refresh(request, signal, (progress) =>
      onEvent({ kind: "progress", progress }),
    );
    onEvent({ kind: "finished", requestId, report });
    return report;
  }

  async #retention(signal: AbortSignal): Promise<void> {
    const { retentionCheckMs, table, onEvent } = this.#options;
    if (retentionCheckMs === undefined) return;
    while (await this.#sleep(retentionCheckMs, signal)) {
      try {
        const rows = await table.retain(signal);
        if (rows > 0) onEvent({ kind: "retained", rows });
      } catch (error) {
        if (signal.aborted) return;
        onEvent({ kind: "failed", requestId: null, error, retryInMs: retentionCheckMs });
      }
    }
  }

  /** False when the signal aborted. */
  async #sleep(ms: number, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#options.clock.sleep(ms, signal);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
  }
}
