import { isForeign, leafReason, renewalMs, rotationReason } from "./policy.ts";
import type {
  CertificateAction,
  CertificateInput,
  CertificatePlan,
  NodeReport,
  ObservedRoot,
  RootAction,
} from "./state.ts";
import { notIssued, type Way, wayTo } from "./way-to-leaf.ts";

/**
 * The next writes for a cluster's certificates (spec chapter 09, Certificates). Pure, and without memory: everything
 * is in the Secrets and in what nodes report, so an operator that died is replaced by one that plans again. At every
 * moment each node trusts the roots of all leaves that nodes have loaded or may load.
 */
export function planCertificates(input: CertificateInput): CertificatePlan {
  const { root } = input;
  if (root === undefined) return firstRoot(input);
  const leaves = leafActions(input, root);
  // Secrets first: what nodes are asked about below must have been offered to them.
  if (leaves.actions.length > 0) return { ...leaves, nextCheckMs: undefined };
  const { action, waitingFor } = rootStep(input, root, Object.keys(leaves.waitingFor));
  return {
    actions: action === undefined ? [] : [action],
    waitingFor: { ...leaves.waitingFor, ...waitingFor },
    nextCheckMs: nextCheck(input, root),
  };
}

/** SHA-256 of the roots that every bundle holds in this phase, in a fixed order. */
export function trustOf(root: ObservedRoot): readonly string[] {
  const signer = root.signer === undefined ? [] : [root.signer.sha256];
  const next = root.phase === "trust" && root.next !== undefined ? [root.next.sha256] : [];
  const previous = root.phase === "retire" || root.phase === "stable" ? [] : root.previous;
  return [...new Set([...signer, ...next, ...previous])].sort();
}

const nothing: CertificatePlan = { actions: [], waitingFor: {}, nextCheckMs: undefined };

/** Leaves without a root: its Secret was deleted. What they trust goes on being trusted while a new root comes. */
function firstRoot({ leaves, wanted, issuing, suppliedRoot }: CertificateInput): CertificatePlan {
  if (issuing !== undefined && suppliedRoot === undefined) {
    const waits = wanted.map(({ secret }) => [secret, issuing.missing.get(secret) ?? notIssued] as const);
    return { ...nothing, waitingFor: Object.fromEntries(waits) };
  }
  const trusted = [...new Set([...leaves.values()].flatMap(({ trust }) => trust))].sort();
  const action: RootAction =
    trusted.length === 0 ? { kind: "create-root" } : { kind: "recover-root", trusted };
  return { ...nothing, actions: [action] };
}

function leafActions(
  input: CertificateInput,
  root: ObservedRoot,
): Pick<CertificatePlan, "actions" | "waitingFor"> {
  const trust = trustOf(root).join();
  const actions: CertificateAction[] = [];
  const waitingFor: Record<string, string> = {};
  for (const wanted of input.wanted) {
    const { secret } = wanted;
    const reason = leafReason(input, wanted);
    const leaf = input.leaves.get(secret);
    if (reason !== undefined) {
      const way: Way = wayTo(input, root, wanted);
      if (way.kind !== "wait") {
        actions.push({ kind: way.kind, secret, reason });
        continue;
      }
      waitingFor[secret] = way.lack;
    }
    if (leaf !== undefined && leaf.trust.toSorted().join() !== trust)
      actions.push({ kind: "set-trust", secret });
  }
  return { actions, waitingFor };
}

interface Step {
  readonly action?: RootAction;
  readonly waitingFor: Readonly<Record<string, string>>;
}

/** @param unissued leaves that are due and that nobody can sign now */
function rootStep(input: CertificateInput, root: ObservedRoot, unissued: readonly string[]): Step {
  const trust = trustOf(root);
  switch (root.phase) {
    case "stable": {
      const reason = rotationReason(input, root);
      return { ...(reason && { action: { kind: "begin-rotation", reason } }), waitingFor: {} };
    }
    case "trust":
      return afterNodes(input, { kind: "promote-root" }, ({ trustSha256 }) =>
        trust.every((sha256) => trustSha256.includes(sha256))
          ? undefined
          : "does not trust the next root yet",
      );
    case "reissue":
      if (unissued.length > 0) {
        const isOver = isForeign(root) && input.suppliedRoot !== root.signer?.sha256;
        const reason = isOver ? rotationReason(input, root) : undefined;
        return { ...(reason && { action: { kind: "begin-rotation", reason } }), waitingFor: {} };
      }
      return afterNodes(input, { kind: "retire-root" }, ({ secret, leafSha256 }) =>
        input.leaves.get(secret)?.sha256 === leafSha256
          ? undefined
          : "has not loaded its new certificate yet",
      );
    case "retire":
      return afterNodes(input, { kind: "finish-rotation" }, ({ trustSha256 }) =>
        trustSha256.every((sha256) => trust.includes(sha256)) ? undefined : "still trusts the old root",
      );
    default:
      return root.phase satisfies never;
  }
}

/** The action when every node is known and lacks nothing; else what is waited for. */
function afterNodes(
  { nodes }: CertificateInput,
  action: RootAction,
  lack: (node: NodeReport) => string | undefined,
): Step {
  if (nodes.kind === "unknown") return { waitingFor: { cluster: nodes.reason } };
  const lacking = nodes.nodes.flatMap((node) => {
    const text = lack(node);
    return text === undefined ? [] : [[node.id, text] as const];
  });
  if (nodes.nodes.length < nodes.expected) {
    const missing = nodes.expected - nodes.nodes.length;
    lacking.push(["cluster", `${missing} of ${nodes.expected} nodes have not reported`]);
  }
  return lacking.length === 0 ? { action, waitingFor: {} } : { waitingFor: Object.fromEntries(lacking) };
}

function nextCheck(input: CertificateInput, root: ObservedRoot): number | undefined {
  const wanted = input.wanted.flatMap(({ secret }) => input.leaves.get(secret) ?? []);
  const ownRoot =
    root.phase === "stable" && root.signer !== undefined && input.suppliedRoot === undefined
      ? [root.signer]
      : [];
  const due = [...wanted, ...ownRoot].map(renewalMs).filter((ms) => ms > input.nowMs);
  return due.length === 0 ? undefined : Math.min(...due);
}
