import { Counter, type Registry } from "prom-client";
import { type ReviewResult, reviewResults } from "./handle-review.ts";

/** Registers `spiceai_operator_admission_reviews_total`; answers what counts one review. */
export function reviewMetrics(registry: Registry): (result: ReviewResult) => void {
  const reviews = new Counter({
    name: "spiceai_operator_admission_reviews_total",
    help: "Reviews of SpicepodClusters by result.",
    labelNames: ["result"],
    registers: [registry],
  });
  for (const result of reviewResults) reviews.inc({ result }, 0);
  return (result) => reviews.inc({ result });
}
