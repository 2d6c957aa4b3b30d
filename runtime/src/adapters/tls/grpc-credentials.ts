import type { PeerCertificate } from "node:tls";
import { type ChannelCredentials, experimental, type ServerCredentials } from "@grpc/grpc-js";
import type { CertificateSource } from "./node-certificates.ts";
import { identityOfDer, type NodeRole, refusePeer } from "./node-identity.ts";
import type { TlsLog } from "./reloaded-files.ts";

type CaListener = Parameters<experimental.CertificateProvider["addCaCertificateListener"]>[0];
type IdentityListener = Parameters<experimental.CertificateProvider["addIdentityCertificateListener"]>[0];

/** Server credentials that demand a client certificate of the cluster's CA and follow the files. */
export function mtlsServerCredentials(source: CertificateSource): ServerCredentials {
  const provider = new Provider(source);
  return experimental.createCertificateProviderServerCredentials(provider, provider, true);
}

/**
 * Channel credentials to peers in one of `roles`. The chain and, where this node has a role of its own, the peer's
 * role are checked; addresses are not compared.
 */
export function mtlsChannelCredentials(
  source: CertificateSource,
  roles: readonly NodeRole["role"][],
  log: Pick<TlsLog, "warn">,
): ChannelCredentials {
  const provider = new Provider(source);
  return experimental.createCertificateProviderChannelCredentials(provider, provider, {
    checkServerIdentity: (host: string, certificate: PeerCertificate) => {
      const reason = refusePeer(source.current().identity, identityOfDer(certificate.raw), roles);
      if (reason === undefined) return undefined;
      log.warn("A peer's certificate was refused", { host, reason });
      return new Error(reason);
    },
  });
}

/** Hands the files' current content to gRPC, which uses it for new handshakes and leaves open connections alone. */
class Provider implements experimental.CertificateProvider {
  readonly #source: CertificateSource;
  readonly #stops = new Map<unknown, () => void>();

  constructor(source: CertificateSource) {
    this.#source = source;
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#stops.set(
      listener,
      this.#source.subscribe(({ ca }) => listener({ caCertificate: ca })),
    );
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#stops.set(
      listener,
      this.#source.subscribe(({ certificate, key }) => listener({ certificate, privateKey: key })),
    );
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#stop(listener);
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#stop(listener);
  }

  #stop(listener: unknown): void {
    this.#stops.get(listener)?.();
    this.#stops.delete(listener);
  }
}
