import {
  alternativeNamesOf,
  certificateFacts,
  issueLeaf,
  type LeafNames,
  readBundle,
} from "@spice-shards/certificates";
import { rootOfChain } from "./chain.ts";
import type { IssuedContent } from "./issued-content.ts";
import { trustOf } from "./plan.ts";
import { knownRoots, observeRoot, type RootContent, signingRoot } from "./root-content.ts";
import type { ObservedLeaf } from "./state.ts";

/** What a leaf's Secret holds. */
export interface IssuedLeaf {
  readonly certificate: string;
  readonly key: string;
  readonly bundle: string;
  readonly answeredRequest: string | undefined;
}

/** The bundle of the present phase: each root once, in a fixed order. */
export function bundleOf(root: RootContent): string {
  const trust = trustOf(observeRoot(root));
  const known = new Map(knownRoots(root).map((pem) => [certificateFacts(pem).sha256, pem]));
  return trust.map((sha256) => known.get(sha256) ?? "").join("");
}

/** A new leaf, of the next root when the key of the present one is not at hand. @throws Error when there is none at all. */
export async function issueLeafContent(
  root: RootContent,
  names: LeafNames,
  options: { readonly nowMs: number; readonly validMs: number; readonly request: string | undefined },
): Promise<IssuedLeaf> {
  const signer = signingRoot(root);
  if (signer === undefined) throw new Error("There is no root to sign with.");
  const pair = await issueLeaf(signer, names, options);
  return { ...pair, bundle: bundleOf(root), answeredRequest: options.request };
}

/** The issuer's certificate as a leaf: what the node trusts is up to the phase. */
export function takeIssued(
  root: RootContent,
  { certificate, key }: IssuedContent,
  request: string | undefined,
): IssuedLeaf {
  return { certificate, key, bundle: bundleOf(root), answeredRequest: request };
}

/** What plans may know of a leaf's Secret. @throws Error when it holds no certificate in PEM. */
export function observeLeaf(content: IssuedLeaf, root: RootContent | undefined): ObservedLeaf {
  const { certificate, bundle, answeredRequest } = content;
  const issuer = rootOfChain(certificate, root === undefined ? [] : knownRoots(root));
  return {
    ...certificateFacts(certificate),
    issuer: issuer === undefined ? undefined : certificateFacts(issuer).sha256,
    trust: readBundle(bundle).map((pem) => certificateFacts(pem).sha256),
    alternativeNames: alternativeNamesOf(certificate),
    answeredRequest,
  };
}
