import type { CertificateFacts } from "@spice-shards/certificates";

/**
 * Where a root rotation stands. It is kept on the root's Secret, so any operator can go on with it. When the issuer changes
 * its root again before all leaves are of the last one, `reissue` goes back to `trust`, which takes no trust away.
 *
 * ```
 * stable ──begin──▶ trust ──promote──▶ reissue ──retire──▶ retire ──finish──▶ stable
 *                   every node          every node          no node
 *                   trusts the          has a leaf          trusts the
 *                   next root           of the new root     old root
 * ```
 */
export type RotationPhase = "stable" | "trust" | "reissue" | "retire";

export interface ObservedSigner extends CertificateFacts {
  /** Whether its key is at hand; that of an issuer's root is with the issuer. */
  readonly hasKey: boolean;
}

/** The root's Secret as far as plans need it; nothing secret. */
export interface ObservedRoot {
  readonly phase: RotationPhase;
  /** What signs leaves. Absent when its Secret was lost: then nothing can be signed before the next root is trusted. */
  readonly signer: ObservedSigner | undefined;
  /** In `trust` the root that comes. */
  readonly next: ObservedSigner | undefined;
  /** Roots that are trusted still and sign no more. */
  readonly previous: readonly string[];
  /** The value of the rotation annotation that the last rotation answered. */
  readonly answeredRequest: string | undefined;
}

/** A leaf's Secret as far as plans need it. */
export interface ObservedLeaf extends CertificateFacts {
  /** SHA-256 of the root that signed it; undefined when none of the known ones did. */
  readonly issuer: string | undefined;
  /** SHA-256 of the roots in its bundle. */
  readonly trust: readonly string[];
  readonly alternativeNames: string;
  readonly answeredRequest: string | undefined;
}

/** A certificate that the issuer has made, as far as plans need it. */
export interface ObservedIssued extends CertificateFacts {
  /** SHA-256 of the issuer's root. */
  readonly issuer: string;
  readonly alternativeNames: string;
}

/** What the issuer that the resource names has made, by the leaf for which it is meant. */
export interface Issuing {
  readonly issued: ReadonlyMap<string, ObservedIssued>;
  /** Why there is none that can be used. */
  readonly missing: ReadonlyMap<string, string>;
  /** Leaves that were asked for a moment ago, so that it is no wonder when there is none yet. */
  readonly young?: ReadonlySet<string>;
}

/** A leaf that the cluster needs. */
export interface WantedLeaf {
  readonly secret: string;
  readonly alternativeNames: string;
}

/** What a node says it has loaded (`GetCluster`, spec chapter 04). */
export interface NodeReport {
  readonly id: string;
  /** The Secret that its pod mounts. */
  readonly secret: string;
  readonly leafSha256: string;
  readonly trustSha256: readonly string[];
}

export type NodeReports =
  | {
      readonly kind: "reported";
      readonly nodes: readonly NodeReport[];
      readonly expected: number;
      /** The Secrets of nodes that have not reported. */
      readonly silent?: readonly string[];
    }
  | { readonly kind: "unknown"; readonly reason: string };

export interface CertificateInput {
  readonly nowMs: number;
  readonly root: ObservedRoot | undefined;
  readonly leaves: ReadonlyMap<string, ObservedLeaf>;
  readonly wanted: readonly WantedLeaf[];
  readonly nodes: NodeReports;
  /** The values of the annotations by which people force a renewal or a rotation. */
  readonly requests: { readonly renew?: string; readonly rotateRoot?: string };
  /** SHA-256 of the root that the resource brings along, or of the issuer's. */
  readonly suppliedRoot: string | undefined;
  /** Present when the resource names an issuer. */
  readonly issuing?: Issuing;
}

/** One write to one Secret. Each can be repeated after a crash, since plans are made anew from what is there. */
export type CertificateAction =
  | { readonly kind: "create-root" }
  | { readonly kind: "recover-root"; readonly trusted: readonly string[] }
  | { readonly kind: "begin-rotation"; readonly reason: string }
  | { readonly kind: "promote-root" }
  | { readonly kind: "retire-root" }
  | { readonly kind: "finish-rotation" }
  | { readonly kind: "issue-leaf"; readonly secret: string; readonly reason: string }
  /** Hands the issuer's certificate to the node. */
  | { readonly kind: "take-leaf"; readonly secret: string; readonly reason: string }
  /** Has the issuer make another. */
  | { readonly kind: "ask-issuer"; readonly secret: string; readonly reason: string }
  | { readonly kind: "set-trust"; readonly secret: string };

export type RootAction = Exclude<CertificateAction, { readonly secret: string }>;

export interface CertificatePlan {
  readonly actions: readonly CertificateAction[];
  /** Nodes or Secrets that are waited for, with what each lacks. */
  readonly waitingFor: Readonly<Record<string, string>>;
  /** When something falls due by the clock alone. */
  readonly nextCheckMs: number | undefined;
}
