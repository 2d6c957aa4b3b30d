import { isDeepStrictEqual } from "node:util";
import { isObject } from "../schema/apply-defaults.ts";
import type { FieldProblem } from "../schema/check.ts";
import type { Json } from "../schema/schema.ts";
import { formatFieldProblem, validateCluster } from "../validate/validate.ts";
import { type AdmissionPolicy, policyOf } from "./admission-policy.ts";
import { lookAround } from "./look-around.ts";
import type { Lookups } from "./lookups.ts";
import type { AdmissionRequest, Verdict } from "./review.ts";

export interface JudgeOptions {
  /** The operator's policy. */
  readonly policy: AdmissionPolicy;
  readonly lookups: Lookups;
}

const allowed: Verdict = { problems: [], warnings: [] };

/**
 * Judges one request (spec chapter 09, Admission). What is on its way out, and an update that leaves `spec` as it is, is
 * never refused: finalizers and annotations must work also when a newer operator is stricter than the one that let the
 * resource in.
 */
export async function judge(
  request: AdmissionRequest,
  { policy: operators, lookups }: JudgeOptions,
  signal: AbortSignal,
): Promise<Verdict> {
  const { object, oldObject } = request;
  if (isDeleting(object)) return allowed;
  const { policy, problems: policyProblems } = policyOf(object, operators);
  if (policy === "off") return allowed;
  const validation = validateCluster(object, oldObject);
  const around =
    validation.cluster === undefined
      ? allowed
      : await lookAround(request, validation.cluster, lookups, signal);
  const problems = [...policyProblems, ...(validation.problems ?? []), ...around.problems];
  const warnings = [...validation.warnings, ...around.warnings];
  const refuses = policy === "err" && !(oldObject !== undefined && sameWish(object, oldObject));
  return refuses ? { problems, warnings } : { problems: [], warnings: [...problems, ...warnings] };
}

/** One line for the log; values of the resource are in messages only where the user wrote them. */
export function describeVerdict({ problems, warnings }: Verdict): string {
  const list = (all: readonly FieldProblem[]) => all.map(formatFieldProblem).join(" ");
  return problems.length > 0 ? list(problems) : list(warnings);
}

function isDeleting(object: { readonly [key: string]: Json }): boolean {
  const metadata = object["metadata"];
  return isObject(metadata) && metadata["deletionTimestamp"] !== undefined;
}

function sameWish(now: { readonly [key: string]: Json }, before: { readonly [key: string]: Json }): boolean {
  return isDeepStrictEqual(now["spec"], before["spec"]);
}
