import type { Fault } from "../support/fault-proxy.ts";
import type { LinkMode } from "./network.ts";

/**
 * A node in a script: `s0`–`s2`; `e0`–`e4`, which the seed deals out anew for each run; `e5`, which joins; or a part that
 * a node plays when it is first named: `driver`, `follower`, `follower2` (schedulers), `learner` (an executor that a
 * partition moves to). A part keeps its node until the script is over. Groups: `schedulers`, `executors`, `s3`.
 */
export type Who = string;

/** One thing that a script does. Plain data: a failing run prints it, and random scripts are made of the same. */
export type Step =
  | { readonly do: "kill" | "stop" | "freeze" | "thaw" | "start" | "restart"; readonly who: readonly Who[] }
  /** Start a scheduler that was killed as another member: its old entry is left to the reaper. */
  | { readonly do: "replace"; readonly who: readonly Who[] }
  | { readonly do: "cut"; readonly a: readonly Who[]; readonly b: readonly Who[]; readonly mode: LinkMode }
  /** Requests of these schedulers to the store meet a fault: all, or one in `oneIn`. */
  | {
      readonly do: "s3";
      readonly who: readonly Who[];
      readonly fault: Fault;
      readonly method?: string;
      readonly oneIn?: number;
    }
  | { readonly do: "drain" | "undrain"; readonly who: readonly Who[] }
  | { readonly do: "refresh" }
  | { readonly do: "spicepod"; readonly variant: boolean }
  /** The wall clocks of these schedulers jump forward by an hour. */
  | { readonly do: "clock"; readonly who: readonly Who[] }
  /** Mend links and store, and nothing else. */
  | { readonly do: "mend" }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "until"; readonly what: Await; readonly who?: readonly Who[]; readonly withinMs: number };

export type Await =
  /** Some partition has a learner. */
  | "learning"
  /** The executors are out of `cluster.json`. */
  | "removed"
  /** The executors own nothing. */
  | "drained"
  /** Schedulers say why nothing moves. */
  | "condition"
  /** An executor has joined. */
  | "joined"
  /** The nodes say that they can work, as a rolling update waits for. */
  | "ready";

export interface Script {
  readonly name: string;
  readonly steps: readonly Step[];
  /**
   * What clients may see besides exact answers. `none`: the chapter promises that no query fails. `refused`: documented
   * errors, which may be sent again.
   */
  readonly failures: "none" | "refused";
  /** True when no executor may lose its membership. */
  readonly stays?: boolean;
  /** Error-level log lines that the faults bring about, besides none. */
  readonly logs?: readonly RegExp[];
  /** True for one that waits until a dead scheduler's id is free: played with `FULL=1` or by its name. */
  readonly long?: boolean;
  /** The bound for convergence after the faults, when it is not the usual one. */
  readonly convergesWithinMs?: number;
}
