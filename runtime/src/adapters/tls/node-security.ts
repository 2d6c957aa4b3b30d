import { type ChannelCredentials, credentials, ServerCredentials } from "@grpc/grpc-js";
import { PeerRefusedError } from "../exchange/grpc/grpc-status.ts";
import { type Fingerprints, fingerprints } from "./fingerprints.ts";
import { mtlsChannelCredentials, mtlsServerCredentials } from "./grpc-credentials.ts";
import { refuseCall } from "./grpc-peer.ts";
import type { CertificateFiles } from "./load-certificates.ts";
import { CertificateSource } from "./node-certificates.ts";
import { advertisedHost, type NodeRole, roleName } from "./node-identity.ts";
import type { TlsLog } from "./reloaded-files.ts";

type Call = Parameters<typeof refuseCall>[1];

/** How this node proves who it is and whom it lets in on the internal port (spec chapter 01, Identity). */
export interface NodeSecurity {
  /** False with `--allow-insecure-connections` and no certificates. */
  readonly secure: boolean;
  readonly server: ServerCredentials;
  /** Credentials of a new channel to peers in one of `roles`. */
  channel(roles: readonly NodeRole["role"][]): ChannelCredentials;
  /** Throws when the caller may not make this call in one of `roles`. */
  authorize(call: Call, roles: readonly NodeRole["role"][]): void;
  /** The host that the node's certificate names, for peers to dial. */
  readonly advertisedHost: string | undefined;
  /** What of the certificates is in force; undefined without mTLS. */
  fingerprints(): Fingerprints | undefined;
  /** Call `listener` whenever other certificates come into force, until the returned function is called. */
  onRenewal(listener: () => void): () => void;
  close(): void;
}

/**
 * Security from certificate files, or none. `role` is this process's part in the cluster, where it has a single one.
 * Throws a CertificateError when the files cannot be used, or are for another role.
 */
export async function openNodeSecurity(
  files: CertificateFiles | undefined,
  log: TlsLog,
  role?: NodeRole["role"],
): Promise<NodeSecurity> {
  if (files === undefined) {
    return {
      secure: false,
      server: ServerCredentials.createInsecure(),
      channel: () => credentials.createInsecure(),
      authorize: () => undefined,
      advertisedHost: undefined,
      fingerprints: () => undefined,
      onRenewal: () => () => undefined,
      close: () => undefined,
    };
  }
  const source = await CertificateSource.open(files, { log, ...(role === undefined ? {} : { role }) });
  const { identity } = source.current();
  const [own] = identity.roles;
  if (own === undefined) {
    log.info("The node's certificate carries no role: every certificate of this CA is taken as a peer", {});
  } else {
    log.info("The node's certificate carries a role: peers need one of the same cluster", {
      role: roleName(own),
    });
  }
  return {
    secure: true,
    server: mtlsServerCredentials(source),
    channel: (roles) => mtlsChannelCredentials(source, roles, log),
    authorize(call, roles) {
      const reason = refuseCall(source, call, roles, log);
      if (reason !== undefined) throw new PeerRefusedError(reason);
    },
    advertisedHost: advertisedHost(identity),
    fingerprints: () => fingerprints(source.current()),
    onRenewal: (listener) => source.onRenewal(listener),
    close: () => source.close(),
  };
}
