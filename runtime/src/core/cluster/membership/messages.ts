import type { AppReference } from "../document/document.ts";

/** Versions of the control protocol that this build speaks: N − 1 … N + 1 work together (spec chapter 04). */
export const CONTROL_PROTOCOL = { min: 1, max: 1 } as const;

export interface ProtocolRange {
  readonly min: number;
  readonly max: number;
}

/** `owner` serves and writes, `replica` serves, `learner` loads and is never queried. */
export type HoldRole = "owner" | "replica" | "learner";

export interface HeldPartition {
  /** Canonical key: the JSON text of the values. */
  readonly key: string;
  readonly epoch: number;
  readonly role: HoldRole;
  /** For a learner: the executor whose copy it loads, the present owner. Absent: load from the source. */
  readonly from?: string;
}

/** All that one executor holds of one table at one revision of it: complete, so a newer one replaces an older. */
export interface TableAssignment {
  readonly table: string;
  readonly revision: number;
  readonly expressions: readonly string[];
  readonly partitions: readonly HeldPartition[];
}

/** State of one partition on the executor that reports it. */
export interface PartitionReport {
  readonly table: string;
  readonly key: string;
  readonly epoch: number;
  readonly state: "loading" | "loaded" | "failed";
  /** The newest version that serves; 0 before the first load. */
  readonly version: number;
  readonly rows: number;
  readonly bytes: number;
  readonly error?: string;
  /** Wall milliseconds of the last refresh (information); 0 or absent before the first. */
  readonly lastRefreshMs?: number;
}

/** From an executor to a scheduler, in order on one control stream; the first is a hello. */
export type ExecutorMessage =
  | {
      readonly kind: "hello";
      readonly executor: string;
      readonly instance: string;
      readonly protocol: ProtocolRange;
      /** This instance was welcomed before, by any scheduler. */
      readonly registered: boolean;
      /** What it holds already: the newest revision that it knows of each table. */
      readonly held: readonly { readonly table: string; readonly revision: number }[];
      /** Generation of the spicepod that it runs; 0 for none. */
      readonly generation: number;
      /** `cluster_id` of the cluster that welcomed it; undefined before. */
      readonly cluster: string | undefined;
    }
  | { readonly kind: "beat"; readonly counter: number }
  | { readonly kind: "ack"; readonly command: string; readonly error?: string }
  | { readonly kind: "report"; readonly report: PartitionReport };

/** From a scheduler to an executor, in order on the same stream. */
export type SchedulerMessage =
  | { readonly kind: "welcome"; readonly revision: number; readonly cluster: string }
  | {
      readonly kind: "beat-answer";
      readonly counter: number;
      /** Revision of the cluster document that the scheduler knows. */
      readonly revision: number;
      /** Age of its last confirmation against the store. */
      readonly ageMs: number;
    }
  | { readonly kind: "update-partitions"; readonly command: string; readonly assignment: TableAssignment }
  | { readonly kind: "app-changed"; readonly command: string; readonly app: AppReference }
  | { readonly kind: "replaced"; readonly reason: string };
