import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIssuedBy, type PemPair, readBundle } from "@spice-shards/certificates";

/**
 * The webhook's certificates, as they are kept in one Secret that all replicas share.
 *
 * ```
 *   signer, leaf ── two thirds of the signer's life ──▶ + next (trusted, signs nothing)
 *        ▲                                                 │ an hour later: everyone trusts it
 *        └── next leaf: the old root is forgotten ◀── signer = next, leaf of it, old root still trusted
 * ```
 */
export interface CertificateState {
  /** The self-signed root that signs the leaf. */
  readonly signer: PemPair;
  /** The root that will sign next. */
  readonly next?: PemPair;
  /** Roots that sign no more and are still trusted, as PEM. */
  readonly previous: readonly string[];
  /** What the webhook serves. */
  readonly leaf: PemPair;
}

/** The Secret holds something else than this operator wrote. */
export class CertificateStateError extends Error {
  override readonly name = "CertificateStateError";
}

/** The roots that the API server must trust, as PEM; the signer is the first. */
export function bundleOf({ signer, next, previous }: CertificateState): string {
  return [
    ...new Set([signer.certificate, ...(next === undefined ? [] : [next.certificate]), ...previous]),
  ].join("");
}

/** The Secret's `data`, in base64. */
export function encodeState(state: CertificateState): Readonly<Record<string, string>> {
  const { signer, next, leaf } = state;
  const texts: Readonly<Record<string, string>> = {
    "ca.crt": bundleOf(state),
    "ca.key": signer.key,
    // A merge patch would keep what is absent.
    "next.crt": next?.certificate ?? "",
    "next.key": next?.key ?? "",
    "tls.crt": leaf.certificate,
    "tls.key": leaf.key,
  };
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString("base64")]),
  );
}

/**
 * Reads a Secret's `data`.
 * @throws CertificateStateError when keys and certificates are missing or do not belong together.
 */
export function decodeState(data: Readonly<Record<string, string>>): CertificateState {
  const text = (name: string) => Buffer.from(data[name] ?? "", "base64").toString();
  const pair = (certificate: string, keyName: string): PemPair => {
    const key = text(keyName);
    if (!belongs(certificate, key))
      throw new CertificateStateError(`the Secret's ${keyName} is not the key of its certificate`);
    return { certificate, key };
  };
  const [first, ...others] = readBundle(text("ca.crt"));
  if (first === undefined) throw new CertificateStateError("the Secret's ca.crt has no certificate");
  const signer = pair(first, "ca.key");
  const [nextPem] = readBundle(text("next.crt"));
  const [leafPem = ""] = readBundle(text("tls.crt"));
  const leaf = pair(leafPem, "tls.key");
  if (!isIssuedBy(leaf.certificate, first))
    throw new CertificateStateError("the Secret's tls.crt is not issued by its ca.crt");
  return {
    signer,
    ...(nextPem === undefined ? {} : { next: pair(nextPem, "next.key") }),
    previous: others.filter((pem) => pem !== nextPem),
    leaf,
  };
}

function belongs(certificate: string, key: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false; // One of them is not even PEM.
  }
}
