import { X509Certificate } from "node:crypto";
import { alternativeNamesOf, certificateFacts, isIssuedBy, readBundle } from "@spice-shards/certificates";
import { rootOfChain } from "./chain.ts";
import { decodePair, InvalidSecretError, readPem, type SecretContent, textOf } from "./secret-content.ts";
import type { ObservedIssued } from "./state.ts";

/** What an issuer put into a Secret: a certificate with its chain, its key, and the root that it leads to. */
export interface IssuedContent {
  readonly certificate: string;
  readonly key: string;
  readonly root: string;
}

/** Undefined as long as nothing is in it. @throws InvalidSecretError when nodes could not use what is there. */
export function decodeIssued(data: SecretContent["data"]): IssuedContent | undefined {
  if ((textOf(data["tls.crt"]) ?? "") === "") return undefined;
  const pair = decodePair("tls", data);
  if (pair === undefined) return undefined;
  const authorities = readBundle(textOf(data["ca.crt"]) ?? "");
  if (authorities.length === 0)
    throw new InvalidSecretError("there is no ca.crt: this kind of issuer does not tell its root");
  const root = readPem("ca.crt", () => rootOfChain(pair.certificate, authorities));
  if (root === undefined) throw new InvalidSecretError("tls.crt does not lead to ca.crt");
  const authority = new X509Certificate(root);
  if (certificateFacts(root).sha256 === certificateFacts(pair.certificate).sha256)
    throw new InvalidSecretError("tls.crt is its own root: name an issuer that signs with one root for all");
  if (!authority.ca || !isIssuedBy(root, root))
    throw new InvalidSecretError("ca.crt is not a self-signed root: give the issuer the whole chain");
  return { ...pair, root };
}

/** What plans may know of it. */
export function observeIssued({ certificate, root }: IssuedContent): ObservedIssued {
  return {
    ...certificateFacts(certificate),
    issuer: certificateFacts(root).sha256,
    alternativeNames: alternativeNamesOf(certificate),
  };
}

/** The root of the newest certificate: an issuer that has changed its root shows it there first. */
export function newestRoot(all: Iterable<IssuedContent>): string | undefined {
  const rank = (content: IssuedContent) => {
    const { notBeforeMs, sha256 } = certificateFacts(content.certificate);
    return `${String(notBeforeMs).padStart(16, "0")} ${sha256}`;
  };
  return [...all].sort((a, b) => (rank(a) < rank(b) ? 1 : -1))[0]?.root;
}
