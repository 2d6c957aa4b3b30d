import { certificateFacts, createRoot, type PemPair } from "@spice-shards/certificates";
import type { ObservedRoot, ObservedSigner, RootAction, RotationPhase } from "./state.ts";

/** A root as a PEM text, with its key unless that is an issuer's. */
export interface RootPair {
  readonly certificate: string;
  readonly key: string | undefined;
}

/** What the root's Secret holds. Keys are here and in no other Secret; no pod mounts it. */
export interface RootContent {
  readonly phase: RotationPhase;
  readonly signer: RootPair | undefined;
  readonly next: RootPair | undefined;
  /** PEM texts of roots that sign no more. */
  readonly previous: readonly string[];
  readonly answeredRequest: string | undefined;
}

export interface RootOptions {
  readonly commonName: string;
  readonly nowMs: number;
  readonly validMs: number;
  /** The root that the resource brings along, or its issuer's, in place of one that is made. */
  readonly supplied?: RootPair;
  /** The value of the rotation annotation. */
  readonly request?: string;
  /** The certificates that leaves trust, for `recover-root`. */
  readonly trusted?: readonly string[];
}

/**
 * The root's Secret after one action: a single write. Doing an action twice, or one that the phase does not ask for,
 * changes nothing.
 */
export async function applyRootAction(
  before: RootContent | undefined,
  action: RootAction,
  options: RootOptions,
): Promise<RootContent | undefined> {
  const fresh = () => options.supplied ?? createRoot(options.commonName, options);
  const answeredRequest = options.request;
  switch (action.kind) {
    case "create-root":
      if (before !== undefined) return before;
      return { phase: "stable", signer: await fresh(), next: undefined, previous: [], answeredRequest };
    case "recover-root": {
      if (before !== undefined) return before;
      const previous = options.trusted ?? [];
      return { phase: "trust", signer: undefined, next: await fresh(), previous, answeredRequest };
    }
    case "begin-rotation":
      if (before?.phase !== "stable" && before?.phase !== "reissue") return before;
      return { ...before, phase: "trust", next: await fresh(), answeredRequest };
    case "promote-root": {
      if (before?.phase !== "trust") return before;
      const old = before.signer === undefined ? [] : [before.signer.certificate];
      const previous = [...before.previous, ...old];
      return { ...before, phase: "reissue", signer: before.next, next: undefined, previous };
    }
    case "retire-root":
      return before?.phase === "reissue" ? { ...before, phase: "retire" } : before;
    case "finish-rotation":
      return before?.phase === "retire" ? { ...before, phase: "stable", previous: [] } : before;
    default:
      return action satisfies never;
  }
}

/** What plans may know of the root's Secret. */
export function observeRoot(content: RootContent): ObservedRoot {
  const { phase, signer, next, previous, answeredRequest } = content;
  return {
    phase,
    signer: signer && observeSigner(signer),
    next: next && observeSigner(next),
    previous: previous.map((pem) => certificateFacts(pem).sha256),
    answeredRequest,
  };
}

function observeSigner({ certificate, key }: RootPair): ObservedSigner {
  return { ...certificateFacts(certificate), hasKey: key !== undefined };
}

/** The root whose key can sign leaves now: the next one in place of one that is lost or an issuer's. */
export function signingRoot({ signer, next }: RootContent): PemPair | undefined {
  for (const pair of [signer, next]) if (pair?.key !== undefined) return { ...pair, key: pair.key };
  return undefined;
}

/** The certificates that are known, for bundles and to find a leaf's issuer. */
export function knownRoots({ signer, next, previous }: RootContent): readonly string[] {
  return [signer?.certificate, next?.certificate, ...previous].filter((pem) => pem !== undefined);
}
