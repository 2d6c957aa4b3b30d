import { X509Certificate } from "node:crypto";

/** What a node certificate says about its holder (spec chapter 01, Identity). */
export interface NodeIdentity {
  readonly commonName: string | undefined;
  /** DNS names of the certificate, in order. */
  readonly dnsNames: readonly string[];
  /** Every different role that it carries; a certificate for a node has one, or none. */
  readonly roles: readonly NodeRole[];
}

/** From a role SAN: `{role}.{cluster}.{namespace}` or `spiffe://{namespace}/{cluster}/{role}[/{i}]`. */
export interface NodeRole {
  readonly role: "scheduler" | "executor" | "operator";
  readonly cluster: string;
  readonly namespace: string;
}

const roles: readonly string[] = ["scheduler", "executor", "operator"] satisfies NodeRole["role"][];

/**
 * URI SAN of a certificate that names hosts only: without it the DNS name `scheduler.example.com` would read as the
 * role scheduler of a cluster example.
 */
export const noRoleUri = "urn:spice:no-role";

/** A role as its DNS name. */
export function roleName({ role, cluster, namespace }: NodeRole): string {
  return `${role}.${cluster}.${namespace}`;
}

/** Read the identity out of a leaf certificate. */
export function nodeIdentity(leaf: X509Certificate): NodeIdentity {
  const names = [...(leaf.subjectAltName ?? "").matchAll(/(?:^|, )(DNS|URI):("(?:[^"\\]|\\.)*"|[^,]*)/g)].map(
    ([, kind, value = ""]) => ({ kind, value: value.startsWith('"') ? String(JSON.parse(value)) : value }),
  );
  const dnsNames = names.filter(({ kind }) => kind === "DNS").map(({ value }) => value);
  const uris = names.filter(({ kind }) => kind === "URI").map(({ value }) => value);
  const found = uris.includes(noRoleUri) ? [] : [...uris.map(roleOfUri), ...dnsNames.map(roleOfName)];
  const roles = new Map(found.flatMap((role) => (role === undefined ? [] : [[roleName(role), role]])));
  return {
    commonName: /^CN=(.*)$/m.exec(leaf.subject)?.[1],
    dnsNames,
    roles: [...roles.values()],
  };
}

/** How peers reach the holder when nothing else says so: the first DNS SAN that is an address, else the CN. */
export function advertisedHost(identity: NodeIdentity): string | undefined {
  const roles = new Set(identity.roles.map(roleName));
  return identity.dnsNames.find((name) => !roles.has(name)) ?? identity.commonName;
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
  const [ownRole] = own.roles;
  if (ownRole === undefined) return undefined;
  const who = peer.commonName ?? "the peer";
  const wanted = allowed.map((role) => roleName({ ...ownRole, role }));
  const needed = `${wanted.join(" or ")} is needed here`;
  const given = peer.roles.map(roleName);
  if (given.length === 0) return `the certificate of ${who} carries no role SAN; ${needed}`;
  if (given.length === 1 && wanted.includes(given[0]!)) return undefined;
  return `the certificate of ${who} is for ${given.join(" and ")}; ${needed}`;
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
