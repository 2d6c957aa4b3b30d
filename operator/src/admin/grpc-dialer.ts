import { type ChannelCredentials, credentials } from "@grpc/grpc-js";
import { executorIndex } from "./executor-index.ts";
import { GrpcAdmin } from "./grpc-admin.ts";
import { refuseScheduler } from "./peer-role.ts";
import type { AdminDialer, AdminTarget } from "./port.ts";

export interface GrpcDialerOptions {
  /** How long one scheduler may take to answer; 5 s. */
  readonly callTimeoutMs?: number;
  /** Which executor has an address; by the names of pods. */
  readonly executorIndex?: (cluster: string, address: string) => number | undefined;
}

/** Asks schedulers by gRPC: with mTLS and a check of their role, or in plain text where the target has no `tls`. */
export function createAdminDialer(options: GrpcDialerOptions = {}): AdminDialer {
  const indexOf = options.executorIndex ?? executorIndex;
  return {
    dial: (target) =>
      new GrpcAdmin({
        addresses: target.addresses,
        credentials: credentialsOf(target),
        channel: {
          // Connections end with the client that opened them, and never serve another certificate.
          "grpc.use_local_subchannel_pool": 1,
          "grpc.service_config_disable_resolution": 1,
          // A pod's address is no name to verify; the role is what the check below compares.
          ...(target.tls === undefined
            ? {}
            : { "grpc.ssl_target_name_override": `scheduler.${target.cluster}.${target.namespace}` }),
        },
        callTimeoutMs: options.callTimeoutMs ?? 5_000,
        indexOf: (address) => indexOf(target.cluster, address),
      }),
  };
}

function credentialsOf({ tls, namespace, cluster }: AdminTarget): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const [ca, key, cert] = [tls.ca, tls.key, tls.cert].map((pem) => Buffer.from(pem)) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  return credentials.createSsl(ca, key, cert, {
    checkServerIdentity: (_host, certificate) => {
      const reason = refuseScheduler(certificate.raw, namespace, cluster);
      return reason === undefined ? undefined : new Error(reason);
    },
  });
}
