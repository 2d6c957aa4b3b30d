import type { NodeCertificates } from "./load-certificates.ts";

/** What of a node's certificates is in force, as `GetCluster` reports it (spec chapter 04). */
export interface Fingerprints {
  /** SHA-256 of the leaf's DER, lower-case hex. */
  readonly leafSha256: string;
  /** When the leaf expires, in milliseconds since 1970. */
  readonly leafNotAfter: number;
  /** SHA-256 of every certificate in the trust bundle, in its order. */
  readonly trustSha256: string[];
}

/** The fingerprints of a set of certificates. */
export function fingerprints({ leaf, trust }: NodeCertificates): Fingerprints {
  return {
    leafSha256: hex(leaf.fingerprint256),
    leafNotAfter: leaf.validToDate.getTime(),
    trustSha256: trust.map((root) => hex(root.fingerprint256)),
  };
}

/** As OpenSSL prints a fingerprint, to lower-case hex. */
export function hex(fingerprint: string): string {
  return fingerprint.replaceAll(":", "").toLowerCase();
}
