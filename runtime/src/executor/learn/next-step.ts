import type { HoldRole } from "../../core/cluster/membership/messages.ts";
import type { AssignedPartition } from "../storage/refresh-types.ts";

/**
 * What an executor does about one partition of its share:
 *
 * - `keep`: it has what it needs; a change of role or epoch is only noted (learner → owner: nothing is loaded again).
 * - `load`: from storage or the source.
 * - `copy`: from the owner, and what the owner commits later too.
 * - `renew`: what is here belongs to another state of the partition; it goes, and then the partition is as if absent.
 */
export type Step = "keep" | "load" | "copy" | "renew";

/** Compare what is held with what is wanted (spec chapter 04, Moves). */
export function nextStep(
  held: { readonly role: HoldRole; readonly epoch: number; readonly loaded: boolean } | undefined,
  wanted: Pick<AssignedPartition, "role" | "epoch" | "from">,
): Step {
  if (wanted.role === "owner") return held?.loaded === true ? "keep" : "load";
  // Whoever owned the partition was told to give it up; others may have changed it before it came back.
  if (held?.role === "owner") return "renew";
  if (wanted.from === undefined) return held?.loaded === true ? "keep" : "load";
  if (held === undefined) return "copy";
  // Equal numbers mean equal rows only within one epoch. Within it a copy under way goes on.
  return held.epoch === wanted.epoch ? "copy" : "renew";
}
