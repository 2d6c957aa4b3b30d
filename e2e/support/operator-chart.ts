import { join } from "node:path";
import type { Kubectl } from "./kubectl.ts";

const chart = join(import.meta.dirname, "..", "..", "charts", "spiceai-operator");

/** Installs the operator's chart in the namespace, or installs it again over itself, and waits until it is ready. */
export function installOperator(system: Kubectl, ...flags: readonly string[]): Promise<string> {
  const waited = ["--create-namespace", "--wait", "--timeout=240s"];
  return system.helm("upgrade", "--install", "spiceai-operator", chart, ...waited, ...flags);
}
