import { messageOf } from "../../core/text/message-of.ts";
import type { Logger } from "../../observe/log.ts";
import type { Clock } from "../../ports/clock.ts";
import type { AcceleratedTable } from "./accelerated-table.ts";

const lookMs = 5_000;

export interface FreeUnwantedOptions {
  readonly table: Pick<AcceleratedTable, "freeUnwanted">;
  readonly dataset: string;
  /** What is assigned here, by key; undefined before the first assignment. */
  wanted(): ReadonlyMap<string, unknown> | undefined;
  /**
   * This executor has its lease: then its assignment is as new as its registration under the present instance, and
   * what it does not name belonged to others by then.
   */
  mayWrite(): boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Free what storage holds of partitions that are not assigned here any more: they were taken away while this executor
 * was down. Runs until the signal aborts; a failure is logged and tried again.
 */
export async function freeUnwanted(options: FreeUnwantedOptions, signal: AbortSignal): Promise<void> {
  const { table, dataset, wanted, mayWrite, clock, log } = options;
  while (!signal.aborted) {
    if (wanted() !== undefined && mayWrite()) {
      try {
        const freed = await table.freeUnwanted(() => wanted() ?? new Map());
        if (freed > 0) log.info({ dataset, partitions: freed }, "Freed partitions that others own now");
      } catch (error) {
        if (signal.aborted) return;
        log.warn(
          { dataset, cause: messageOf(error) },
          "Partitions that others own now could not be freed yet",
        );
      }
    }
    // Only the abort can end the sleep early, and the loop's condition sees it.
    await clock.sleep(lookMs, signal).catch(() => undefined);
  }
}
