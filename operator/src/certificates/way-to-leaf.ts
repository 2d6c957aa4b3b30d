import { lacksNames } from "./policy.ts";
import type { CertificateInput, ObservedRoot, WantedLeaf } from "./state.ts";

/** How a leaf that is due comes about, or what is in the way. */
export type Way =
  | { readonly kind: "issue-leaf" | "take-leaf" | "ask-issuer" }
  | { readonly kind: "wait"; readonly lack: string };

/** What is said of a leaf about which nothing more is known. */
export const notIssued = "the issuer has not issued it yet";

/** How this leaf, which is due, can be had now. Pure. */
export function wayTo(input: CertificateInput, root: ObservedRoot, wanted: WantedLeaf): Way {
  if (root.signer?.hasKey === true) return { kind: "issue-leaf" };
  const isEarly = mayBeNext(input, root, wanted.secret);
  if (isEarly && root.next?.hasKey === true) return { kind: "issue-leaf" };
  const signers = [root.signer, ...(isEarly ? [root.next] : [])].map((signer) => signer?.sha256);
  return fromIssuer(input, root, wanted, signers);
}

function fromIssuer(
  { issuing, leaves, requests, suppliedRoot, nowMs }: CertificateInput,
  { signer }: ObservedRoot,
  wanted: WantedLeaf,
  signers: readonly (string | undefined)[],
): Way {
  const wait = (lack: string): Way => ({ kind: "wait", lack });
  if (issuing === undefined) {
    const [who, how] = signer === undefined ? ["key of the old root", "lost"] : ["old root", "an issuer's"];
    return wait(`the ${who} is ${how}; the next root will sign`);
  }
  const issued = issuing.issued.get(wanted.secret);
  if (issued === undefined) return wait(issuing.missing.get(wanted.secret) ?? notIssued);
  const leaf = leaves.get(wanted.secret);
  if (!signers.includes(issued.issuer)) {
    // It was made before the issuer had this root. One that is made now is the newest, so nobody asks twice.
    if (signer !== undefined && signer.sha256 === suppliedRoot) return { kind: "ask-issuer" };
    return wait("the issuer signed it with another root, which not every node trusts yet");
  }
  if (issued.sha256 === leaf?.sha256) {
    const isAsked = requests.renew !== undefined && requests.renew !== leaf.answeredRequest;
    return isAsked ? { kind: "ask-issuer" } : wait("the issuer has not renewed it yet");
  }
  if (issued.notAfterMs <= nowMs) return wait("the issuer's certificate has expired");
  const lacking = lacksNames(issued.alternativeNames, wanted);
  if (lacking.length > 0) return wait(`the issuer has left out ${lacking.join(" and ")}`);
  return { kind: "take-leaf" };
}

/**
 * Whether a leaf that is lost or over, as is the key of the old root, comes from the next root before its time. Else its
 * node never trusts the next root, which every node must before it signs. The others trust it already; when nobody can
 * be asked, perhaps for want of this very leaf, the others learn of it from their own Secrets.
 */
function mayBeNext(
  { nodes, leaves, nowMs }: CertificateInput,
  { next }: ObservedRoot,
  secret: string,
): boolean {
  const isLost = (name: string) => (leaves.get(name)?.notAfterMs ?? 0) <= nowMs;
  if (next === undefined || !isLost(secret)) return false;
  if (nodes.kind === "unknown") return true;
  const others = nodes.nodes.filter((node) => !isLost(node.secret));
  return (
    others.every(({ trustSha256 }) => trustSha256.includes(next.sha256)) && (nodes.silent ?? []).every(isLost)
  );
}
