import { quoteIdentifier } from "../../../core/sql/quote.ts";
import type { FragmentRunner } from "../../../ports/exchange.ts";
import type {
  CopiedVersion,
  PartitionCopyPart,
  PartitionCopyRequest,
  PartitionCopySource,
} from "../../../ports/partition-copy.ts";

/** A version that stays readable until it is released. */
export interface PinnedNewest {
  readonly header: CopiedVersion;
  /** Idempotent. */
  release(): void;
}

export interface LocalCopySourceOptions {
  /** Runs the copy as a fragment: with its wire types, limits and figures. */
  readonly runner: FragmentRunner;
  /** Pin the newest version of a partition that this node owns at `epoch`. Throws StalePlanError. */
  pinNewest(table: string, key: string, epoch: number): PinnedNewest;
}

/** A copy of a large partition over a slow network takes its time; peers that are gone are noticed by keepalive. */
export const copyDeadlineMs = 3_600_000;

const name = "partition";

/** Gives partitions of this node to executors that learn them. */
export class LocalCopySource implements PartitionCopySource {
  readonly #options: LocalCopySourceOptions;

  constructor(options: LocalCopySourceOptions) {
    this.#options = options;
  }

  async *copy(request: PartitionCopyRequest, signal: AbortSignal): AsyncGenerator<PartitionCopyPart, void> {
    const { table, key, epoch, haveVersion } = request;
    const { runner, pinNewest } = this.#options;
    const pinned = pinNewest(table, key, epoch);
    const { header } = pinned;
    try {
      yield { kind: "header", header };
      if (header.version === haveVersion) return;
      const result = runner.run(
        {
          protocol: 1,
          // Copies of one table share a query's part of the node.
          queryId: `copies of ${table}`,
          fragmentId: key,
          sql: `SELECT * FROM ${quoteIdentifier(name)}`,
          scans: [{ name, table, revision: 0, partitions: [{ key, epoch, version: header.version }] }],
          columns: header.columns,
          deadlineMs: copyDeadlineMs,
          trace: "",
        },
        signal,
      );
      for await (const bytes of result.frames) {
        // The fragment holds the version by now, and knows when it has to let go.
        pinned.release();
        yield { kind: "frame", bytes };
      }
      const { rows } = await result.stats;
      if (rows !== header.rows) {
        throw new Error(`The copy of ${key} of ${table} has ${rows} rows, the version ${header.rows}`);
      }
    } finally {
      pinned.release();
    }
  }
}
