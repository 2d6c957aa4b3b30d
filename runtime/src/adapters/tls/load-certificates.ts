import type { X509Certificate } from "node:crypto";
import { CertificateError } from "./certificate-error.ts";
import { checkLeaf, type LeafFiles } from "./check-leaf.ts";
import { type NodeIdentity, type NodeRole, nodeIdentity, roleName } from "./node-identity.ts";
import { certificatesOf } from "./pem.ts";
import { readFiles } from "./read-files.ts";

/** The files of `--node-mtls-*`. */
export interface CertificateFiles extends LeafFiles {
  readonly caCertificateFile: string;
}

/** A complete, matching set of what a node needs for mTLS. */
export interface NodeCertificates {
  /** The trust bundle: one root, or several while they are rotated. */
  readonly ca: Buffer;
  readonly trust: readonly X509Certificate[];
  /** The leaf, followed by intermediates if there are any. */
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly leaf: X509Certificate;
  readonly identity: NodeIdentity;
}

/** What a set has to fit besides itself. */
export interface CertificateDemands {
  readonly nowMs: number;
  /** The part of this process in the cluster; a leaf with the role SAN of another one is refused. */
  readonly role?: NodeRole["role"];
  /** The identity in force: a leaf of another role, cluster or namespace, or without its role, does not replace it. */
  readonly inForce?: NodeIdentity;
}

/**
 * Read and check the three files as one set, once.
 * @throws CertificateError when the set cannot be used, also for a file that cannot be read.
 */
export async function loadCertificates(
  files: CertificateFiles,
  demands: CertificateDemands = { nowMs: Date.now() },
): Promise<NodeCertificates> {
  const paths = [files.caCertificateFile, files.certificateFile, files.keyFile];
  const [ca, certificate, key] = (await readFiles(paths)) as [Buffer, Buffer, Buffer];
  return checkCertificates(files, { ca, certificate, key }, demands);
}

/**
 * Make a set of the three files' contents. Pure: `files` only names them in messages.
 * @throws CertificateError
 */
export function checkCertificates(
  files: CertificateFiles,
  { ca, certificate, key }: { readonly ca: Buffer; readonly certificate: Buffer; readonly key: Buffer },
  { nowMs, role, inForce }: CertificateDemands,
): NodeCertificates {
  const { caCertificateFile, certificateFile } = files;
  const trust = certificatesOf(ca, caCertificateFile);
  const [leaf, ...intermediates] = certificatesOf(certificate, certificateFile) as [
    X509Certificate,
    ...X509Certificate[],
  ];
  checkLeaf(files, leaf, key, nowMs);
  if (!chainsTo(leaf, intermediates, trust)) {
    throw new CertificateError(
      `The certificate in ${certificateFile} is not signed by a CA in ${caCertificateFile}`,
    );
  }
  const identity = nodeIdentity(leaf);
  const wrong = wrongIdentity(identity, role, inForce);
  if (wrong !== undefined) throw new CertificateError(`The certificate in ${certificateFile} ${wrong}`);
  return { ca, trust, certificate, key, leaf, identity };
}

function wrongIdentity(
  { roles }: NodeIdentity,
  wanted: NodeRole["role"] | undefined,
  inForce: NodeIdentity | undefined,
): string | undefined {
  if (roles.length > 1) return `carries more than one role: ${roles.map(roleName).join(", ")}`;
  const [role] = roles;
  if (role !== undefined && wanted !== undefined && role.role !== wanted) {
    return `is for ${roleName(role)}, and this node runs as ${wanted}: a certificate with another role SAN, or without one, is needed`;
  }
  const before = inForce?.roles[0];
  if (before === undefined) return undefined;
  if (role === undefined) return `carries no role SAN, and the one in force is for ${roleName(before)}`;
  if (roleName(role) === roleName(before)) return undefined;
  return `is for ${roleName(role)}, and the one in force is for ${roleName(before)}`;
}

/** Does a path of signatures lead from the leaf to one of the trusted certificates? */
function chainsTo(
  leaf: X509Certificate,
  intermediates: readonly X509Certificate[],
  trust: readonly X509Certificate[],
): boolean {
  const signed = (by: readonly X509Certificate[], certificate: X509Certificate) =>
    by.find((issuer) => certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey));
  let at: X509Certificate | undefined = leaf;
  for (let links = 0; at !== undefined && links <= intermediates.length; links++) {
    if (signed(trust, at) !== undefined) return true;
    at = signed(intermediates, at);
  }
  return false;
}
