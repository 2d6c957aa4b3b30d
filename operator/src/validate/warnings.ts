import { type SpicepodCluster, sharesState } from "../api/spicepod-cluster.ts";
import { isObject } from "../schema/apply-defaults.ts";
import type { FieldProblem } from "../schema/check.ts";
import type { Json, JsonObject } from "../schema/schema.ts";

/** What works but is seldom meant. */
export function warningsOf({ spec }: SpicepodCluster): readonly FieldProblem[] {
  const { schedulerSpec, executorSpec } = spec;
  const found: FieldProblem[] = [];
  if (spec.allowInsecureConnections) {
    found.push({
      path: "spec.allowInsecureConnections",
      message: "disables authentication between nodes. Never use in production.",
    });
  }
  if (schedulerSpec.spicepod !== undefined && !sharesState(schedulerSpec.spicepod)) {
    found.push({
      path: "spec.schedulerSpec.spicepod.runtime.scheduler.state_location",
      message:
        "is not on an object store: the state is lost with the scheduler's pod, and there is no failover.",
    });
  }
  if (
    spec.stateRetentionPolicy?.whenDeleted === "Delete" &&
    schedulerSpec.spicepod !== undefined &&
    !sharesState(schedulerSpec.spicepod)
  ) {
    found.push({
      path: "spec.stateRetentionPolicy.whenDeleted",
      message: "has no effect: state that is not on an object store lies in the scheduler's own volumes.",
    });
  }
  for (const [role, { network }] of [
    ["schedulerSpec", schedulerSpec],
    ["executorSpec", executorSpec],
  ] as const) {
    if (network?.egress !== undefined && !network.egress.some(allowsDns)) {
      found.push({
        path: `spec.${role}.network.egress`,
        message: "allows no DNS (port 53): the nodes will not find each other or their sources.",
      });
    }
  }
  return found;
}

/** A rule without ports allows every port. */
function allowsDns(rule: JsonObject): boolean {
  const ports: Json | undefined = rule["ports"];
  return (
    !Array.isArray(ports) ||
    ports.length === 0 ||
    ports.some((port: Json) => isObject(port) && (port["port"] === 53 || port["port"] === "dns"))
  );
}
