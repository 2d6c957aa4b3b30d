import { type Problem, parseSpicepod } from "@spice-shards/spicepod";
import { stringify } from "yaml";
import type { FieldProblem } from "../schema/check.ts";
import type { Json } from "../schema/schema.ts";

const base = "spec.schedulerSpec.spicepod";

/** What the runtime's own parser says about the spicepod inside a resource, with paths from the resource's root. */
export function checkEmbeddedSpicepod(spicepod: Json): readonly FieldProblem[] {
  return (parseSpicepod(stringify(spicepod)).problems ?? []).map((problem) => ({
    path: problem.path === "" ? base : `${base}.${problem.path}`,
    message: sentence(problem),
  }));
}

/** What the parser says about a ConfigMap's text; `source` names it, e.g. `ConfigMap sales, key spicepod.yaml`. */
export function checkSpicepodText(text: string, source: string): readonly FieldProblem[] {
  return (parseSpicepod(text).problems ?? []).map((problem) => ({
    path: "spec.schedulerSpec.spicepodConfigMapRef",
    message: `${source}, line ${problem.line}: ${problem.path === "" ? "" : `${problem.path}: `}${sentence(problem)}`,
  }));
}

function sentence({ message, value, suggestion }: Problem): string {
  const found = value === undefined ? "" : ` Found: ${value}.`;
  const hint = suggestion === undefined ? "" : ` Did you mean \`${suggestion}\`?`;
  return `${message}${found}${hint}`;
}
