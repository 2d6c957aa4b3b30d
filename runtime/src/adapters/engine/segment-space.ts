import type { AcceleratedDataset, PartitionValues, Segment, TableVersion } from "../../ports/accelerator.ts";
import type { Connection, Database } from "../../ports/database.ts";

/** Where the segments of one table live: what differs between memory, one file per partition and one file for all. */
export interface SegmentSpace {
  readonly database: Database;
  /** Make the place writable: the first row creates the unit's file. */
  prepare(): Promise<void>;
  /** Undo `prepare` when nothing was committed after it. */
  abandon(): Promise<void>;
  /** The relation of a segment, as SQL. */
  relation(segment: Pick<Segment, "id">): string;
  /** Keep the new state; runs inside the transaction that wrote the segments. */
  save(connection: Connection, version: TableVersion): Promise<void>;
  /** Spaces of one group can be written in one transaction. */
  readonly group?: SpaceGroup;
  /** Told after a commit: from now on `abandon` keeps what is there. */
  committed(): void;
  /**
   * After a failed write: if `error` says that the engine gave the storage up, make it readable again. Gives the number
   * of the version that it then holds, which is the new one when only what follows a commit failed.
   */
  recover(error: unknown): Promise<number | undefined>;
  /** Remove everything. */
  remove(version: TableVersion): Promise<void>;
}

/** Spaces that share a catalogue, and with it a commit. */
export interface SpaceGroup {
  /** As `SegmentSpace.save`, for several spaces at once. */
  save(
    connection: Connection,
    states: readonly { readonly options: SegmentOptions; readonly version: TableVersion }[],
  ): Promise<void>;
}

/** Whatever an engine needs of a dataset to write its segments. */
export interface SegmentOptions {
  readonly dataset: AcceleratedDataset;
  readonly values: PartitionValues;
  /** SQL for ORDER BY of every new segment; empty for the source's order. */
  readonly sort: string;
  /** Column lists that get an index in every new segment. */
  readonly indexes: readonly (readonly string[])[];
}

/**
 * A name in which upper-case letters are percent-encoded: the engine compares identifiers without case, partition
 * values are case-sensitive.
 */
export function caseSafe(name: string): string {
  return name.replace(/\p{Lu}/gu, (letter) => encodeEach(letter));
}

function encodeEach(letter: string): string {
  return [...Buffer.from(letter, "utf8")].map((b) => `%${b.toString(16).padStart(2, "0")}`).join("");
}
