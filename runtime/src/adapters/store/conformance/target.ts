import type { ObjectStore } from "../../../ports/object-store.ts";

/** What a conformance case runs against. The case may write any key; the caller throws the target away. */
export interface ConformanceTarget {
  /** An empty store. */
  readonly store: ObjectStore;
  /** Other clients of the same objects, as other processes would hold them; at least one. */
  readonly peers: readonly ObjectStore[];
  /** Absent where faults cannot be injected: the cases of group `faults` then do not apply. */
  readonly faults?: FaultControl;
  readonly scale: {
    /** Rounds of each race. */
    readonly rounds: number;
    /** Objects in the long listing; more than 1,000 to need a second page. */
    readonly listed: number;
    /** Bytes of the large upload; more than two parts of the implementation. */
    readonly largeBytes: number;
  };
}

/** Faults between a client and the objects; each setting hits the next requests only. */
export interface FaultControl {
  /** The client that meets the faults; without any retry left over it fails on the first one it cannot repeat. */
  readonly store: ObjectStore;
  /** Carry out the next writes, but lose their replies. */
  loseReplies(times: number): void;
  /** Lose the next requests before they arrive. */
  loseRequests(times: number): void;
  /** Refuse the next requests, reads as well, with 503. */
  refuse(times: number): void;
  /** Answer the next conditional writes with 409; nothing is written. */
  conflict(times: number): void;
  heal(): void;
}

export interface ConformanceCase {
  readonly group: "objects" | "conditions" | "races" | "listing" | "large" | "faults";
  readonly name: string;
  /** Rejects when the store does not conform. */
  readonly run: (target: ConformanceTarget) => Promise<void>;
}
