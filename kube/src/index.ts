export {
  type Applied,
  Applier,
  type ApplierOptions,
  type ApplyOptions,
  ForeignOwnerError,
} from "./apply/applier.ts";
export { canonicalJson, digest, toApply } from "./apply/canonical.ts";
export { type Difference, differences } from "./apply/differences.ts";
export { parseQuantity, sameQuantity } from "./apply/quantity.ts";
export { type ListRule, type ListRules, listRulesOf } from "./apply/schema-rules.ts";
export {
  Client,
  type ClientOptions,
  type DeleteOptions,
  type ListQuery,
  type Patch,
  type WatchQuery,
  type WriteOptions,
} from "./client/client.ts";
export {
  type KubeObject,
  type ObjectList,
  type ObjectMeta,
  type OwnerReference,
  objectKey,
  splitKey,
} from "./client/object.ts";
export { apiVersionOf, type ResourceType, resourcePath, type Target } from "./client/resource-type.ts";
export {
  ConnectionError,
  isAlreadyExists,
  isConflict,
  isForbidden,
  isGone,
  isInvalid,
  isNotFound,
  isVersionAhead,
  ProtocolError,
  type Status,
  StatusError,
} from "./client/status-error.ts";
export {
  type ConnectionMaterial,
  type Credentials,
  type TlsMaterial,
  Transport,
  type TransportRequest,
  type TransportResponse,
} from "./client/transport.ts";
export type { WatchEvent } from "./client/watch-event.ts";
export type { ClusterAccess } from "./config/cluster-access.ts";
export { ConfigError, loadKubeConfig } from "./config/load-kube-config.ts";
export { type PodPlace, serviceAccountAccess } from "./config/service-account.ts";
export { Discovery, type ServedResource } from "./discovery/discovery.ts";
export {
  type EventNote,
  EventRecorder,
  type EventRecorderOptions,
  eventType,
} from "./events/event-recorder.ts";
export {
  LeaderElection,
  type LeaderElectionOptions,
  type Leadership,
  LeadershipLostError,
  type TermEnd,
} from "./lease/leader-election.ts";
export { type Lease, type LeaseStore, leaseStore, leaseType } from "./lease/lease.ts";
export type { Priority } from "./queue/ready-lanes.ts";
export {
  type Outcome,
  type Worker,
  WorkQueue,
  type WorkQueueMetrics,
  type WorkQueueOptions,
} from "./queue/work-queue.ts";
export type { IndexFunction, ReadCache } from "./reflector/cache.ts";
export {
  type Change,
  type ObjectSource,
  Reflector,
  type ReflectorMetrics,
  type ReflectorOptions,
  type WatchEnd,
} from "./reflector/reflector.ts";
export { sourceOf } from "./reflector/source-of.ts";
export { trimObject } from "./reflector/trim-object.ts";
export { type BackoffPolicy, backoffMs, connectionBackoff, keyBackoff } from "./retry/backoff.ts";
export { TokenBucket } from "./retry/token-bucket.ts";
export { type Clock, systemClock } from "./time/clock.ts";
export { type Random, systemRandom } from "./time/random.ts";
export { DeadlineError, withDeadline } from "./time/with-deadline.ts";
