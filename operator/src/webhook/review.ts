import { isObject } from "../schema/apply-defaults.ts";
import type { FieldProblem } from "../schema/check.ts";
import type { Json } from "../schema/schema.ts";
import { formatFieldProblem } from "../validate/validate.ts";

/** The body is no AdmissionReview that this webhook can answer; the message is for whoever called it. */
export class ReviewError extends Error {
  override readonly name = "ReviewError";
}

/** What the API server asks, as far as it matters here. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: "CREATE" | "UPDATE";
  /** The resource as it is to be stored. */
  readonly object: { readonly [key: string]: Json };
  /** The resource as it is; of an update only. */
  readonly oldObject?: { readonly [key: string]: Json };
}

export const reviewVersion = "admission.k8s.io/v1";

/**
 * Reads an AdmissionReview of CREATE or UPDATE.
 * @throws ReviewError
 */
export function parseReview(text: string): AdmissionRequest {
  let review: Json;
  try {
    review = JSON.parse(text) as Json;
  } catch (cause) {
    throw new ReviewError(`The body is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (!isObject(review) || review["kind"] !== "AdmissionReview")
    throw new ReviewError("The body is not an AdmissionReview.");
  if (review["apiVersion"] !== reviewVersion)
    throw new ReviewError(
      `apiVersion: must be ${reviewVersion}, found ${JSON.stringify(review["apiVersion"])}.`,
    );
  const request = review["request"];
  if (!isObject(request)) throw new ReviewError("request: is missing.");
  const { uid, operation, object, oldObject } = request;
  if (typeof uid !== "string" || uid === "") throw new ReviewError("request.uid: is missing.");
  if (operation !== "CREATE" && operation !== "UPDATE")
    throw new ReviewError(`request.operation: must be CREATE or UPDATE, found ${JSON.stringify(operation)}.`);
  if (!isObject(object)) throw new ReviewError("request.object: is missing.");
  if (operation === "CREATE") return { uid, operation, object };
  if (!isObject(oldObject)) throw new ReviewError("request.oldObject: is missing.");
  return { uid, operation, object, oldObject };
}

/** What the webhook says about one request. */
export interface Verdict {
  /** Why it is refused; allowed when empty. */
  readonly problems: readonly FieldProblem[];
  /** What the client is told beside that. */
  readonly warnings: readonly FieldProblem[];
}

/** The answer to a request, as the API server wants it. */
export function answerReview({ uid, object }: AdmissionRequest, { problems, warnings }: Verdict): Json {
  const said = warnings.map(formatFieldProblem);
  return {
    apiVersion: reviewVersion,
    kind: "AdmissionReview",
    response: {
      uid,
      allowed: problems.length === 0,
      ...(said.length === 0 ? {} : { warnings: said }),
      ...(problems.length === 0 ? {} : { status: refusal(object, problems) }),
    },
  };
}

function refusal(object: { readonly [key: string]: Json }, problems: readonly FieldProblem[]): Json {
  const metadata = object["metadata"];
  const name = isObject(metadata) && typeof metadata["name"] === "string" ? metadata["name"] : "";
  return {
    status: "Failure",
    code: 422,
    reason: "Invalid",
    message: problems.map(formatFieldProblem).join("\n"),
    details: {
      name,
      kind: typeof object["kind"] === "string" ? object["kind"] : "",
      causes: problems.map(({ path, message }) => ({ reason: "FieldValueInvalid", field: path, message })),
    },
  };
}
