import type { ExecutorAction } from "./types.ts";

/**
 * Whether an action makes something unavailable. Caches may be behind the operator's own writes, so a plan that holds
 * such an action is thrown away and made again from objects that were read from the API server; only that plan is
 * carried out.
 */
export function takesAway(action: ExecutorAction): boolean {
  switch (action.kind) {
    case "delete-pod":
    case "delete-stateful-set":
    case "drain":
      return true;
    case "scale":
      return action.shape.replicas === 0;
    case "create":
    case "apply-template":
    case "mark-leaving":
    case "set-retention":
    case "undrain":
    case "expand-claim":
    case "pause":
    case "resume":
      return false;
    default:
      return action satisfies never;
  }
}
