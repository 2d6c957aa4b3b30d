import type { ChannelCredentials } from "@grpc/grpc-js";
import type { Fingerprints } from "../adapters/tls/fingerprints.ts";
import type { App, AppTable } from "../core/app/app.ts";
import type { PartitionValues } from "../core/cluster/document/partition-values.ts";
import type { Logger } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Clock } from "../ports/clock.ts";
import type { EndpointInfo } from "../ports/node-info.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { Random } from "../ports/random.ts";

export interface SchedulerOptions {
  readonly schedulerId: string;
  readonly advertiseAddress: string;
  readonly flightAddress: string;
  readonly httpAddress: string;
  readonly buildVersion: string;
  readonly role: "scheduler" | "single";
  readonly store: ObjectStore;
  /** The spicepod of this scheduler's own file. */
  readonly app: App;
  /** Parse and check another generation's text; throws with all its problems. */
  compile(text: string, generation: number): App;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Partition values of a table, asked from its source. */
  discover(table: AppTable, signal: AbortSignal): Promise<PartitionValues>;
  /** Resolve one secret that the spicepod refers to. */
  expandSecret(key: string): Promise<string>;
  /** True when calls are authenticated by mTLS. */
  readonly secure: boolean;
  /** The certificates of this node that are in force; undefined without mTLS. */
  certificates(): Fingerprints | undefined;
  /** SHA-256 of the leaf that the public HTTP port shows now; undefined without TLS there. */
  publicLeafSha256(): string | undefined;
  /** Credentials for a new channel to another scheduler. */
  readonly credentials: () => ChannelCredentials;
  /** Throws when the peer's certificate does not carry one of the roles. */
  authorize(call: unknown, roles: readonly string[]): void;
  readonly endpoints: () => readonly EndpointInfo[];
  readonly expectedExecutors: number | undefined;
  /** Something made it impossible to go on: the process must end with this reason. */
  onFatal(error: unknown): void;
}
