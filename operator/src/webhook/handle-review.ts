import { type Clock, withDeadline } from "@spice-shards/kube";
import type { Log } from "../log.ts";
import { describeVerdict, type JudgeOptions, judge } from "./judge.ts";
import { answerReview, parseReview, ReviewError } from "./review.ts";

export interface HandlerOptions extends JudgeOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Told how each review ended, for metrics. */
  readonly onReview: (result: ReviewResult) => void;
}

export const reviewResults = ["allowed", "warned", "refused", "malformed", "error"] as const;
export type ReviewResult = (typeof reviewResults)[number];

/** Less than the time-out in the webhook's configuration, so that what takes long becomes a warning. */
const judgeMs = 3000;

/** The answer to the body of a request: an HTTP status code and a text. Never throws. */
export async function handleReview(
  body: string,
  options: HandlerOptions,
): Promise<{ readonly code: number; readonly text: string }> {
  const { clock, log, onReview } = options;
  try {
    const request = parseReview(body);
    const verdict = await withDeadline(clock, judgeMs, undefined, (signal) =>
      judge(request, options, signal),
    );
    const result =
      verdict.problems.length > 0 ? "refused" : verdict.warnings.length > 0 ? "warned" : "allowed";
    if (result !== "allowed")
      log.info(`a SpicepodCluster was ${result}`, { uid: request.uid, why: describeVerdict(verdict) });
    onReview(result);
    return { code: 200, text: JSON.stringify(answerReview(request, verdict)) };
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof ReviewError) {
      onReview("malformed");
      return { code: 400, text: `${message}\n` };
    }
    onReview("error");
    log.error("a review failed", { error: message });
    return { code: 500, text: "The review failed; the operator's log says why.\n" };
  }
}
