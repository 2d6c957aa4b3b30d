import { isObject } from "../schema/apply-defaults.ts";
import type { FieldProblem } from "../schema/check.ts";
import type { Json } from "../schema/schema.ts";

/** What the webhook does with an invalid resource: refuse it, warn, or say nothing. */
export const admissionPolicies = ["err", "warn", "off"] as const;
export type AdmissionPolicy = (typeof admissionPolicies)[number];

/** On a resource: its own policy, in place of the operator's. */
export const validationLevel = "spice.ai/validation-level";

/**
 * The policy of one resource: its annotation, else the operator's (spec chapter 09, Admission). A value that is none of
 * the three is a problem of the resource, which is then judged by the operator's policy.
 */
export function policyOf(
  resource: Json,
  operators: AdmissionPolicy,
): { readonly policy: AdmissionPolicy; readonly problems: readonly FieldProblem[] } {
  const metadata = isObject(resource) ? resource["metadata"] : undefined;
  const annotations = isObject(metadata) ? metadata["annotations"] : undefined;
  const given = isObject(annotations) ? annotations[validationLevel] : undefined;
  if (given === undefined) return { policy: operators, problems: [] };
  const policy = admissionPolicies.find((known) => known === given);
  if (policy !== undefined) return { policy, problems: [] };
  return {
    policy: operators,
    problems: [
      {
        path: `metadata.annotations["${validationLevel}"]`,
        message: `must be one of ${admissionPolicies.join(", ")}, found ${JSON.stringify(given)}.`,
      },
    ],
  };
}
