export type { Priority } from "./queue/ready-lanes.ts";
export {
  type Outcome,
  type Worker,
  WorkQueue,
  type WorkQueueMetrics,
  type WorkQueueOptions,
} from "./queue/work-queue.ts";
export { type BackoffPolicy, backoffMs, connectionBackoff, keyBackoff } from "./retry/backoff.ts";
export { TokenBucket } from "./retry/token-bucket.ts";
export { type Clock, systemClock } from "./time/clock.ts";
export { type Random, systemRandom } from "./time/random.ts";
export { DeadlineError, withDeadline } from "./time/with-deadline.ts";
