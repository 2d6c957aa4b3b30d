import { X509Certificate } from "node:crypto";
import { certificateFacts, createRoot, issueLeaf, type PemPair } from "@spice-shards/certificates";
import type { CertificateState } from "./state.ts";

const dayMs = 86_400_000;
const rootValidMs = 5 * 365 * dayMs;
const leafValidMs = 90 * dayMs;
/** Certificates are valid from a little before they were made. */
const backdateMs = 5 * 60_000;
/** A root is trusted for this long before it signs: far longer than any replica or API server needs to take it over. */
const trustedBeforeMs = 60 * 60_000;

export interface AdvanceOptions {
  /** The names under which the API server calls the webhook; the first is the common name. */
  readonly hosts: readonly string[];
  readonly nowMs: number;
}

/** A step that the certificates have to take, and why. */
export interface Step {
  readonly state: CertificateState;
  readonly reason: string;
}

/** New certificates, when there are none. */
export async function firstState(options: AdvanceOptions): Promise<CertificateState> {
  const signer = await newRoot(options);
  return { signer, previous: [], leaf: await newLeaf(signer, options) };
}

/**
 * The next step of certificates: renewal of the leaf at two thirds of its life, and of the root in steps during which
 * the leaf that any replica serves is always trusted. Undefined when there is nothing to do.
 */
export async function advance(state: CertificateState, options: AdvanceOptions): Promise<Step | undefined> {
  const { nowMs } = options;
  const { signer, next, leaf } = state;
  if (isOver(signer, nowMs)) return { state: await firstState(options), reason: "the root has expired" };
  if (next === undefined && isDue(signer, nowMs)) {
    const reason = "two thirds of the root's life are over: the next is trusted from now on";
    return { state: { ...state, next: await newRoot(options) }, reason };
  }
  if (next !== undefined && nowMs >= madeMs(next) + trustedBeforeMs) {
    const promoted = {
      signer: next,
      previous: [...state.previous, signer.certificate],
      leaf: await newLeaf(next, options),
    };
    return { state: promoted, reason: "the next root signs from now on" };
  }
  const reason = leafReason(leaf, options);
  if (reason === undefined) return undefined;
  // Leaves of older roots are long gone.
  return { state: { ...state, previous: [], leaf: await newLeaf(signer, options) }, reason };
}

function leafReason(leaf: PemPair, { hosts, nowMs }: AdvanceOptions): string | undefined {
  const certificate = new X509Certificate(leaf.certificate);
  const missing = hosts.find((host) => certificate.checkHost(host) === undefined);
  if (missing !== undefined) return `the certificate is not for ${missing}`;
  return isDue(leaf, nowMs) ? "two thirds of the certificate's life are over" : undefined;
}

function isDue({ certificate }: PemPair, nowMs: number): boolean {
  const { notBeforeMs, notAfterMs } = certificateFacts(certificate);
  return nowMs >= notBeforeMs + ((notAfterMs - notBeforeMs) * 2) / 3;
}

function isOver({ certificate }: PemPair, nowMs: number): boolean {
  return nowMs >= certificateFacts(certificate).notAfterMs;
}

function madeMs({ certificate }: PemPair): number {
  return certificateFacts(certificate).notBeforeMs + backdateMs;
}

function newRoot({ nowMs }: AdvanceOptions): Promise<PemPair> {
  return createRoot("spiceai-operator webhook", { nowMs, validMs: rootValidMs });
}

function newLeaf(root: PemPair, { hosts, nowMs }: AdvanceOptions): Promise<PemPair> {
  const names = { commonName: (hosts[0] ?? "webhook").slice(0, 64), hosts };
  return issueLeaf(root, names, { nowMs, validMs: leafValidMs });
}
