import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";

export const repository = join(import.meta.dirname, "..", "..", "..");
export const chart = join(repository, "charts", "spiceai-operator");
export const namespace = "spice-system";

/** An object that the chart renders. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

/** Runs Helm. @throws Error with what Helm says when it fails. */
export function helm(...args: readonly string[]): string {
  const program = process.env["TEST_HELM"];
  if (program === undefined) throw new Error("TEST_HELM does not name helm; the tier kube provides it");
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** The chart's objects as text; CustomResourceDefinitions are cut, since they are compared where they are generated. */
export function template(valuesFile: string, ...more: readonly string[]): string {
  const release = ["template", "spiceai-operator", chart, "--namespace", namespace, "--values", valuesFile];
  return helm(...release, ...more);
}

/** The objects of rendered text. */
export function manifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((object) => object !== null);
}
