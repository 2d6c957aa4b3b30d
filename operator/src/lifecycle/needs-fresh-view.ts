import type { ExecutorAction } from "./types.ts";

/**
 * Whether an action may come only of a plan that was made from objects read from the API server. Caches may be behind
 * the operator's own writes: they could show a pod as ready that it has just deleted, or a template that it has just
 * replaced. So a plan from caches that holds such an action is thrown away and made again from a fresh read. `create`
 * needs none as long as it fails when the StatefulSet exists.
 */
export function needsFreshView(action: ExecutorAction): boolean {
  switch (action.kind) {
    case "create":
    case "expand-claim":
    case "pause":
    case "resume":
      return false;
    case "apply-template":
    case "mark":
    case "set-retention":
    case "scale":
    case "repair":
    case "drain":
    case "undrain":
    case "delete-pod":
    case "delete-stateful-set":
    case "delete-claim":
      return true;
    default:
      return action satisfies never;
  }
}
