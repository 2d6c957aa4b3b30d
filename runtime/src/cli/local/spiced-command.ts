import { join } from "node:path";

/** The `spiced` of this installation: its launcher sits beside the compiled and the source tree alike. */
export const spicedProgram = join(import.meta.dirname, "..", "..", "..", "bin", "spiced.mjs");

/** Where one node of the local cluster listens and keeps its files. */
export interface NodePlan {
  readonly name: string;
  readonly http: string;
  readonly metricsPort: number;
  readonly nodePort: number;
  readonly dataDir: string;
  readonly pki: string;
}

/** The arguments of `spiced` for the scheduler. Its state lies in its data directory. */
export function schedulerArguments(plan: NodePlan, spicepod: string): string[] {
  return ["--role", "scheduler", "--spicepod", spicepod, ...nodeArguments(plan)];
}

export function executorArguments(plan: NodePlan, schedulerPort: number): string[] {
  return [
    "--role",
    "executor",
    "--scheduler-address",
    `https://localhost:${schedulerPort}`,
    ...nodeArguments(plan),
  ];
}

function nodeArguments(plan: NodePlan): string[] {
  return [
    "--http",
    plan.http,
    "--metrics",
    `127.0.0.1:${plan.metricsPort}`,
    "--node-bind-address",
    `127.0.0.1:${plan.nodePort}`,
    "--node-advertise-address",
    `localhost:${plan.nodePort}`,
    "--node-mtls-ca-certificate-file",
    join(plan.pki, "ca.crt"),
    "--node-mtls-certificate-file",
    join(plan.pki, `${plan.name}.crt`),
    "--node-mtls-key-file",
    join(plan.pki, `${plan.name}.key`),
    "--data-dir",
    plan.dataDir,
  ];
}
