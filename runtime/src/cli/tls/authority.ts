import { createRoot, issueLeaf, type PemPair } from "@spice-shards/certificates";
import { noRoleUri } from "../../adapters/tls/node-identity.ts";

const dayMs = 86_400_000;

/** Names that a node's certificate carries. */
export interface NodeNames {
  /** The common name. */
  readonly name: string;
  /** DNS names or IP addresses besides `localhost` and `127.0.0.1`. */
  readonly hosts: readonly string[];
  /** `{role}.{cluster}.{namespace}` when roles are to be checked. */
  readonly roleName?: string;
}

/** A new CA: ECDSA P-256, ten years, may sign leaves only. */
export function createAuthority(nowMs: number): Promise<PemPair> {
  return createRoot("Spice Cluster CA", { nowMs, validMs: 10 * 365 * dayMs });
}

/** A node's certificate under that CA: ECDSA P-256, one year, for both sides of a connection. */
export function issueNode(
  ca: PemPair,
  { name, hosts, roleName }: NodeNames,
  nowMs: number,
): Promise<PemPair> {
  // The host first: it is what the node advertises unless told otherwise.
  const all = [...hosts, "localhost", "127.0.0.1", ...(roleName === undefined ? [] : [roleName])];
  const uris = roleName === undefined ? [noRoleUri] : [];
  return issueLeaf(ca, { commonName: name, hosts: all, uris }, { nowMs, validMs: 365 * dayMs });
}
