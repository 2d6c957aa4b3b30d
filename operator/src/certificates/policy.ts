import type { CertificateFacts } from "@spice-shards/certificates";
import type { CertificateInput, ObservedLeaf, ObservedRoot, WantedLeaf } from "./state.ts";

/** When a certificate is renewed: after two thirds of its life. */
export function renewalMs({ notBeforeMs, notAfterMs }: CertificateFacts): number {
  return notBeforeMs + Math.floor(((notAfterMs - notBeforeMs) * 2) / 3);
}

type LeafCheck = (input: CertificateInput, wanted: WantedLeaf, leaf: ObservedLeaf) => string | undefined;

/** Why a leaf must be issued again, in the order of the checks. */
const leafChecks: readonly LeafCheck[] = [
  ({ nowMs }, _, leaf) => (leaf.notAfterMs <= nowMs ? "the certificate has expired" : undefined),
  ({ root }, _, leaf) =>
    // While the next root is only being trusted, leaves of the present one are right.
    root?.phase !== "trust" && leaf.issuer !== root?.signer?.sha256 ? "another root signs now" : undefined,
  ({ root }, wanted, leaf) =>
    leaf.alternativeNames === wanted.alternativeNames ||
    (isForeign(root) && lacksNames(leaf.alternativeNames, wanted).length === 0)
      ? undefined
      : "its names have changed",
  ({ requests }, _, leaf) =>
    requests.renew !== undefined && requests.renew !== leaf.answeredRequest
      ? "renewal was asked for"
      : undefined,
  ({ root, nowMs }, _, leaf) =>
    !isForeign(root) && nowMs >= renewalMs(leaf) ? "two thirds of its life are over" : undefined,
  ({ root, issuing }, { secret }, leaf) => {
    const issued = issuing?.issued.get(secret);
    const isNewer =
      issued !== undefined && issued.sha256 !== leaf.sha256 && issued.notBeforeMs >= leaf.notBeforeMs;
    return isForeign(root) && isNewer && issued.issuer === root?.signer?.sha256
      ? "the issuer has renewed it"
      : undefined;
  },
];

/** Whether the present root is an issuer's, who then decides when leaves are renewed. */
export function isForeign(root: ObservedRoot | undefined): boolean {
  return root?.signer?.hasKey === false;
}

/** The names that a certificate should have and has not; an issuer may add others. */
export function lacksNames(alternativeNames: string, wanted: WantedLeaf): readonly string[] {
  const present = new Set(alternativeNames.split(", "));
  return wanted.alternativeNames.split(", ").filter((name) => !present.has(name));
}

/** Why this leaf must be issued, or undefined when it is right. */
export function leafReason(input: CertificateInput, wanted: WantedLeaf): string | undefined {
  const leaf = input.leaves.get(wanted.secret);
  if (leaf === undefined) return "there is none";
  for (const check of leafChecks) {
    const reason = check(input, wanted, leaf);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** Why the root must be replaced, or undefined when it is right. Asked only while no rotation is under way. */
export function rotationReason(input: CertificateInput, root: ObservedRoot): string | undefined {
  const { requests, suppliedRoot, issuing, nowMs } = input;
  if (root.signer === undefined) return "its key is lost";
  // Before the issuer has made anything its root is not known.
  if (issuing !== undefined && suppliedRoot === undefined) return undefined;
  if (issuing === undefined && !root.signer.hasKey) return "its issuer is named no more";
  if (suppliedRoot !== undefined && suppliedRoot !== root.signer.sha256)
    return "the resource brings another root";
  if (requests.rotateRoot !== undefined && requests.rotateRoot !== root.answeredRequest)
    return "a rotation was asked for";
  // A root of the user's own is replaced by the user.
  if (suppliedRoot === undefined && nowMs >= renewalMs(root.signer)) return "two thirds of its life are over";
  return undefined;
}
