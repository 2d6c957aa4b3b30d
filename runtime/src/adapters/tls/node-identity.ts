import { X509Certificate } from "node:crypto";

/** What a node certificate says about its holder (spec chapter 01, Identity). */
export interface NodeIdentity {
  readonly commonName: string | undefined;
  /** DNS names of the certificate, in order. */
  readonly dnsNames: readonly string[];
  readonly role: NodeRole | undefined;
}

/** From a role SAN: `{role}.{cluster}.{namespace}` or `spiffe://{namespace}/{cluster}/{role}[/{i}]`. */
export interface NodeRole {
  readonly role: "scheduler" | "executor" | "operator";
  readonly cluster: string;
  readonly namespace: string;
}

const roles: readonly string[] = ["scheduler", "executor", "operator"] satisfies NodeRole["role"][];

/** Read the identity out of a leaf certificate. */
export function nodeIdentity(leaf: X509Certificate): NodeIdentity {
  const names = [...(leaf.subjectAltName ?? "").matchAll(/(?:^|, )(DNS|URI):("(?:[^"\\]|\\.)*"|[^,]*)/g)].map(
    ([, kind, value = ""]) => ({ kind, value: value.startsWith('"') ? String(JSON.parse(value)) : value }),
  );
  const dnsNames = names.filter(({ kind }) => kind === "DNS").map(({ value }) => value);
  const uris = names.filter(({ kind }) => kind === "URI").map(({ value }) => value);
  return {
    commonName: /^CN=(.*)$/m.exec(leaf.subject)?.[1],
    dnsNames,
    role:
      uris.map(roleOfUri).find((r) => r !== undefined) ??
      dnsNames.map(roleOfName).find((r) => r !== undefined),
  };
}

/** How peers reach the holder when nothing else says so: the first DNS SAN that is an address, else the CN. */
export function advertisedHost(identity: NodeIdentity): string | undefined {
  return identity.dnsNames.find((name) => roleOfName(name) === undefined) ?? identity.commonName;
}

/**
 * Whether `own` accepts `peer` in one of `allowed` roles; the chain was checked already. Without a role of its own a
 * node takes every leaf of its CA as a peer. Gives the reason of a refusal.
 */
export function refusePeer(
  own: NodeIdentity,
  peer: NodeIdentity,
  allowed: readonly NodeRole["role"][],
): string | undefined {
  if (own.role === undefined) return undefined;
  const who = peer.commonName ?? "the peer";
  const { cluster, namespace } = own.role;
  const wanted = allowed.map((role) => `${role}.${cluster}.${namespace}`).join(" or ");
  if (peer.role === undefined)
    return `the certificate of ${who} carries no role SAN; ${wanted} is needed here`;
  const given = `${peer.role.role}.${peer.role.cluster}.${peer.role.namespace}`;
  const right =
    peer.role.cluster === cluster && peer.role.namespace === namespace && allowed.includes(peer.role.role);
  return right ? undefined : `the certificate of ${who} is for ${given}; ${wanted} is needed here`;
}

/** The identity in a DER certificate. */
export function identityOfDer(der: Uint8Array): NodeIdentity {
  return nodeIdentity(new X509Certificate(der));
}

function roleOfName(name: string): NodeRole | undefined {
  const [role = "", cluster = "", namespace = "", ...rest] = name.split(".");
  return rest.length === 0 ? roleOf(role, cluster, namespace) : undefined;
}

function roleOfUri(uri: string): NodeRole | undefined {
  const [, namespace = "", cluster = "", role = ""] =
    /^spiffe:\/\/([^/]+)\/([^/]+)\/([^/]+)(?:\/[^/]+)?$/.exec(uri) ?? [];
  return roleOf(role, cluster, namespace);
}

function roleOf(role: string, cluster: string, namespace: string): NodeRole | undefined {
  const known = cluster !== "" && namespace !== "" && isRole(role);
  return known ? { role, cluster, namespace } : undefined;
}

function isRole(text: string): text is NodeRole["role"] {
  return roles.includes(text);
}
