import { httpTlsLabel } from "../../adapters/cluster/public-pins.ts";
import type { SchedulerEntry } from "../../core/cluster/document/document.ts";
import type { SchedulerOptions } from "../scheduler-options.ts";

/** How a scheduler's process stands in the cluster document. */
export function memberEntry(
  options: SchedulerOptions,
  instanceId: string,
  ttlMs: number,
): Omit<SchedulerEntry, "last_write_seq"> {
  return {
    scheduler_id: options.schedulerId,
    instance_id: instanceId,
    advertise_address: options.advertiseAddress,
    grpc_address: options.flightAddress,
    http_address: options.httpAddress,
    started_at_ms: options.clock.wallMs(),
    ttl_ms: ttlMs,
    build_version: options.buildVersion,
    labels: options.publicLeafSha256() === undefined ? {} : { [httpTlsLabel]: "true" },
  };
}
