import type { ProbeSpec } from "../api/node-spec.ts";
import type { JsonObject } from "../schema/schema.ts";

interface Probes {
  readonly startup?: ProbeSpec;
  readonly readiness?: ProbeSpec;
  readonly liveness?: ProbeSpec;
}

/**
 * The probes of a node. Readiness asks whether the node itself can work and not whether all data is loaded: one dead
 * source must not empty a Service (spec chapter 04, Readiness).
 */
export function probesOf(users: Probes = {}): JsonObject {
  const httpGet = (path: string) => ({ httpGet: { path, port: "http" } });
  return {
    startupProbe: { ...httpGet("/health"), periodSeconds: 2, failureThreshold: 60, ...users.startup },
    readinessProbe: {
      ...httpGet("/v1/ready?scope=node"),
      periodSeconds: 5,
      timeoutSeconds: 3,
      failureThreshold: 3,
      ...users.readiness,
    },
    livenessProbe: {
      ...httpGet("/health"),
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 6,
      ...users.liveness,
    },
  };
}
