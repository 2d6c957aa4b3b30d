import type { RefreshLoopOptions } from "./loop.ts";

/** The executor may no longer own its partitions: it changes nothing until a scheduler confirms that it does. */
export class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";
}

/** A table that is refreshed only while the executor has its lease (spec chapter 04, Read lease). */
export function underLease(
  table: RefreshLoopOptions["table"],
  mayWrite: () => boolean,
): RefreshLoopOptions["table"] {
  const check = () => {
    if (mayWrite()) return;
    throw new LeaseLostError(
      "The refresh was refused: no scheduler confirms that this executor still owns its partitions",
    );
  };
  return {
    async refresh(request, signal, onProgress) {
      check();
      return table.refresh(request, signal, onProgress);
    },
    async retain(signal) {
      check();
      return table.retain(signal);
    },
  };
}
