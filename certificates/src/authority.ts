// Must run before @peculiar/x509, whose dependency injection asks for it.
import "reflect-metadata";

import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
/** Certificates are valid from a little before now, for hosts whose clocks are behind. */
const backdateMs = 5 * 60_000;

/** A certificate and its private key as PEM texts. */
export interface PemPair {
  readonly certificate: string;
  readonly key: string;
}

/** What a leaf certificate says about its holder. */
export interface LeafNames {
  /** At most 64 characters, as X.509 wants it. */
  readonly commonName: string;
  /** DNS names and IP addresses, in the order in which the certificate carries them; doubles are left out. */
  readonly hosts: readonly string[];
  /** URI names, after the hosts. */
  readonly uris?: readonly string[];
}

/** A self-signed ECDSA P-256 root that may sign leaves only. */
export async function createRoot(
  commonName: string,
  time: { readonly nowMs: number; readonly validMs: number },
): Promise<PemPair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: [{ CN: [commonName] }],
    notBefore: new Date(time.nowMs - backdateMs),
    notAfter: new Date(time.nowMs + time.validMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString("pem")}\n`, key: await keyPem(keys.privateKey) };
}

/**
 * A leaf under that root: ECDSA P-256, for both sides of a connection. It never outlives the root.
 * @throws Error when the root's key is not an ECDSA P-256 key in PKCS #8.
 */
export async function issueLeaf(
  root: PemPair,
  names: LeafNames,
  time: { readonly nowMs: number; readonly validMs: number },
): Promise<PemPair> {
  const issuer = new x509.X509Certificate(root.certificate);
  const signingKey = await webcrypto.subtle.importKey(
    "pkcs8",
    x509.PemConverter.decodeFirst(root.key),
    algorithm,
    false,
    ["sign"],
  );
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [{ CN: [names.commonName] }],
    issuer: issuer.subject,
    notBefore: new Date(time.nowMs - backdateMs),
    notAfter: new Date(Math.min(time.nowMs + time.validMs, issuer.notAfter.getTime())),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension(alternativeNames(names)),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certificate: `${certificate.toString("pem")}\n`, key: await keyPem(keys.privateKey) };
}

function alternativeNames({ hosts, uris = [] }: LeafNames): x509.JsonGeneralNames {
  return [
    ...[...new Set(hosts)].map((host) => ({
      type: isIp(host) ? ("ip" as const) : ("dns" as const),
      value: host,
    })),
    ...[...new Set(uris)].map((uri) => ({ type: "url" as const, value: uri })),
  ];
}

function isIp(host: string): boolean {
  return /^\d{1,3}(?:\.\d{1,3}){3}$/.test(host) || host.includes(":");
}

/** Sixteen random bytes, positive. */
function serial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x01;
  return Buffer.from(bytes).toString("hex");
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY")}\n`;
}
