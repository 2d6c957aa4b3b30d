import { join } from "node:path";
import type { ChannelCredentials } from "@grpc/grpc-js";
import { GrpcPartitionCopier } from "../adapters/exchange/copy/copy-partition-client.ts";
import { LocalCopySource } from "../adapters/exchange/copy/copy-partition-source.ts";
import { FairQueue } from "../adapters/exchange/fair-queue.ts";
import { fileSpool } from "../adapters/spool/file-spool.ts";
import type { Metrics } from "../observe/metrics.ts";
import { ExecutorUnavailableError, type FragmentRunner } from "../ports/exchange.ts";
import type { PartitionCopySource } from "../ports/partition-copy.ts";
import type { CopyMeans } from "./learn/learners.ts";
import { measuredCopier } from "./learn/measured-copier.ts";
import type { ExecutorPartitionStore } from "./storage/partition-store.ts";

/** Copies that an executor reads at a time: more would only share the same disk and network. */
const concurrentCopies = 3;

/** How this executor copies partitions from others. `close` ends what is under way. */
export function openCopyMeans(options: {
  /** Credentials of a new channel to an executor. */
  readonly credentials: () => ChannelCredentials;
  /** A directory of this process alone. */
  readonly scratchDir: string;
  readonly metrics: Metrics;
}): CopyMeans & { close(): void } {
  const copier = new GrpcPartitionCopier(options.credentials);
  return {
    copier: measuredCopier(copier, options.metrics),
    // A partition may be as large as the disk allows; a full one fails the copy.
    spools: fileSpool({ directory: join(options.scratchDir, "copies"), maxBytes: Number.POSITIVE_INFINITY }),
    queue: new FairQueue({ concurrent: concurrentCopies, waiting: Number.POSITIVE_INFINITY }),
    close: () => copier.close(),
  };
}

/** Gives this executor's partitions to others, under the same lease and limits as its fragments. */
export function copySource(options: {
  readonly store: ExecutorPartitionStore;
  /** Refuses fragments without a lease; its refusal is a throw. */
  readonly runner: FragmentRunner;
  readonly executorId: string;
  mayServe(): boolean;
  /** Wall milliseconds of a partition's last refresh; 0 when it is not known. */
  refreshedAtMs(table: string, key: string): number;
}): PartitionCopySource {
  const { store, runner, executorId, mayServe, refreshedAtMs } = options;
  return new LocalCopySource({
    runner,
    pinNewest(table, key, epoch) {
      if (!mayServe()) {
        throw new ExecutorUnavailableError(
          executorId,
          `Executor ${executorId} refuses the copy: it has no confirmation from a scheduler that it still owns its partitions`,
        );
      }
      const { header, release } = store.pinNewest(table, key, epoch);
      return { header: { ...header, lastRefreshMs: refreshedAtMs(table, key) }, release };
    },
  });
}
