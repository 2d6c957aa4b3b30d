import { messageOf } from "../../core/text/message-of.ts";
import type { Logger } from "../../observe/log.ts";
import type { PartitionReports } from "../partition-reports.ts";
import type { AcceleratedTable } from "../storage/accelerated-table.ts";
import { Learners, type LearnersOptions } from "./learners.ts";

/** Failures of a copy that say nothing about this executor: the owner is away, was not told yet, or is busy. */
const passingErrors: ReadonlySet<string> = new Set([
  "ExecutorUnavailableError",
  "StalePlanError",
  "TimeoutError",
  "ResourceExhaustedError",
  "PartitionLeavingError",
]);

/** Learners for one table of this executor, whose success and failure is reported and logged. */
export function startLearners(
  table: Pick<AcceleratedTable, "learn" | "partitions">,
  reports: PartitionReports,
  options: Omit<LearnersOptions, "learn" | "loadedVersion" | "copied" | "failed"> & {
    readonly dataset: string;
    readonly log: Logger;
    /** A version was committed. */
    copied(): void;
  },
): Learners {
  const { log, dataset } = options;
  const stateOf = (key: string) => table.partitions().find((p) => p.key === key);
  return new Learners({
    ...options,
    learn: (partition, header, rows, signal) => table.learn(partition, header, rows, signal),
    loadedVersion(key, epoch) {
      const state = stateOf(key);
      return state?.loaded === true && state.epoch === epoch ? state.version : 0;
    },
    copied(key, { lastRefreshMs, version, rows }) {
      log.info({ dataset, partition: key, version, rows }, "Copied a partition from its owner");
      reports.refreshed({ partitions: [{ key }], failed: [] }, lastRefreshMs);
      options.copied();
    },
    failed(key, { epoch, from }, error, failures) {
      const passing = passingErrors.has((error as Error).name);
      // At first the owner may not have heard of the assignment.
      if (!passing || failures > 1) {
        log.warn(
          { dataset, partition: key, owner: from, cause: messageOf(error) },
          "A partition could not be copied from its owner; trying again",
        );
      }
      if (!passing && stateOf(key)?.loaded !== true) reports.failed(key, epoch, messageOf(error));
    },
  });
}
