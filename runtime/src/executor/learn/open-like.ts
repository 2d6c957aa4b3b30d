import type { Clock } from "../../ports/clock.ts";
import type { SqlColumn } from "../../ports/database.ts";
import type { PartitionCopier } from "../../ports/partition-copy.ts";
import type { AssignedPartition } from "../storage/refresh-types.ts";

/** Opens a table; with `columns`, those of another executor, its source is not asked for them. */
type Open<T> = (signal: AbortSignal, columns?: readonly SqlColumn[]) => Promise<T>;

/** An owner that was not told yet is asked again; longer than that takes news of an assignment. */
const tries = 3;
const againMs = 500;

/**
 * Open a table; when that fails and some of its `wanted` partitions are to be copied, with the columns that their
 * owners have: what moves from one executor to another needs no source. Rejects with the error of the first opening.
 */
export async function openLike<T>(
  open: Open<T>,
  means: { readonly copier: PartitionCopier; readonly clock: Clock; readonly table: string },
  wanted: ReadonlyMap<string, AssignedPartition>,
  signal: AbortSignal,
): Promise<T> {
  try {
    return await open(signal);
  } catch (error) {
    const copied = [...wanted].filter(([, { from, role }]) => from !== undefined && role !== "owner");
    for (let attempt = 1; attempt <= tries && copied.length > 0; attempt++) {
      if (attempt > 1) await means.clock.sleep(againMs, signal);
      for (const [key, { from, epoch }] of copied) {
        const columns = await columnsOf(means, from!, key, epoch, signal);
        if (columns !== undefined) return open(signal, columns);
      }
    }
    throw error;
  }
}

/** The columns of a partition at its owner; undefined when they cannot be had now. */
async function columnsOf(
  { copier, table }: { readonly copier: PartitionCopier; readonly table: string },
  owner: string,
  key: string,
  epoch: number,
  signal: AbortSignal,
): Promise<readonly SqlColumn[] | undefined> {
  try {
    // Leaving the loop ends the copy: only its beginning is wanted.
    for await (const part of copier.copy(owner, { table, key, epoch, haveVersion: 0 }, signal)) {
      return part.kind === "header" ? part.header.columns : undefined;
    }
    return undefined;
  } catch {
    // Why the source cannot be asked is what people need to know.
    signal.throwIfAborted();
    return undefined;
  }
}
