import type { PartitionSizes } from "../assignment/assign.ts";
import type { ClusterDocument } from "../document/document.ts";
import type { PartitionReport } from "../membership/messages.ts";

/** The settings of `runtime.scheduler` that moves obey. */
export interface MoveSettings {
  /** Never passed by a drain or a rebalance; soft for partitions of a lost executor. */
  readonly maxPartitionsPerExecutor: number;
  /** So many learners at most are under way for drains and rebalances, in all tables together. */
  readonly maxPartitionAssignmentsPerInterval: number;
  /** So many bytes of partitions have learners before a rebalance adds another; one of any size may always move. */
  readonly maxPartitionMoveBytes: number;
}

export interface MoveInput {
  /** Executors heard lately; of them, those that are active in the document get learners. */
  readonly liveExecutors: readonly string[];
  /** Executors whose leases are over, as `judgeLoss` found on this very document. */
  readonly lost: ReadonlySet<string>;
  /** Executors that may be going the way of the lost ones: counted with them where it matters how many look lost. */
  readonly unheard: ReadonlySet<string>;
  /**
   * What an executor last reported of a partition, and only what this very instance reported: an older process of the
   * same id may have had it loaded (`ReportBook.of` takes the same arguments).
   */
  readonly report: (
    executor: string,
    table: string,
    key: string,
    instance: string,
  ) => PartitionReport | undefined;
  readonly settings: MoveSettings;
  /** False: as many drains and rebalances as there are (tests, small clusters). */
  readonly capped: boolean;
  /** Wall milliseconds, for `last_assigned_at`. */
  readonly nowMs: number;
  /** Sizes as reported, for the limit in bytes. */
  readonly sizes?: (document: ClusterDocument, table: string) => PartitionSizes | undefined;
}

/** One step of a move. */
export interface MoveStep {
  readonly kind: "learn" | "promote" | "drop-learner" | "release";
  readonly cause: "loss" | "promotion" | "drain" | "rebalance";
  readonly table: string;
  readonly key: string;
  /** Who learns, is promoted, is dropped, or lost it. */
  readonly executor: string;
  /** The owner before the step. */
  readonly from?: string;
}

/** What one run of the moves did, and what it could not do. */
export interface MoveReport {
  readonly steps: readonly MoveStep[];
  /** Executors taken out of the document in this write. */
  readonly removed: readonly string[];
  /** Those of {@link removed} that owned and learned nothing: they had been drained, or had got nothing yet. */
  readonly empty: readonly string[];
  /** Draining executors that cannot go on, each with why. */
  readonly blocked: ReadonlyMap<string, string>;
  /** Learners under way after this write. */
  readonly moving: number;
  /** Partitions without owner and learner after this write, for want of a live executor. */
  readonly stranded: number;
  /** Executors that hold more than `max_partitions_per_executor` because others were lost. */
  readonly overCapacity: readonly string[];
  /** Why nothing was done about the lost ones. */
  readonly condition?: string;
}
