import type { Metrics } from "../../observe/metrics.ts";
import type { PartitionCopier } from "../../ports/partition-copy.ts";

/**
 * A copier that counts what arrives: bytes of frames as they come, also of a copy that fails; rows and copies when a
 * version has come whole. An answer that nothing is newer counts as nothing.
 */
export function measuredCopier(copier: PartitionCopier, metrics: Pick<Metrics, "counter">): PartitionCopier {
  return {
    async *copy(executor, request, signal) {
      let rows: number | undefined;
      for await (const part of copier.copy(executor, request, signal)) {
        if (part.kind === "frame")
          metrics.counter("executor_partition_copy_bytes").inc(part.bytes.byteLength);
        else if (part.header.version !== request.haveVersion) rows = part.header.rows;
        yield part;
      }
      if (rows === undefined) return;
      metrics.counter("executor_partition_copy_rows").inc(rows);
      metrics.counter("executor_partition_copy_count").inc();
    },
  };
}
