import type { ClusterExecutor } from "./types.ts";

/** How far an executor is on its way to own nothing. */
export type Drained =
  | { readonly kind: "not-draining" }
  | { readonly kind: "draining"; readonly remaining: number }
  | { readonly kind: "blocked"; readonly reason: string }
  | { readonly kind: "empty" };

/** Undefined: no scheduler knows the executor, so it owns nothing. */
export function drainedOf(view: ClusterExecutor | undefined): Drained {
  if (view === undefined) return { kind: "empty" };
  const { drain, owned, moving } = view;
  if (drain === undefined) return { kind: "not-draining" };
  if (drain.state === "BLOCKED") return { kind: "blocked", reason: drain.reason ?? "no reason was given" };
  const remaining = Math.max(drain.remaining, owned, moving);
  return drain.state === "DRAINED" && remaining === 0 ? { kind: "empty" } : { kind: "draining", remaining };
}
