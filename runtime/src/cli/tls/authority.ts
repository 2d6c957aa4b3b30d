// Must run before @peculiar/x509, whose dependency injection asks for it.
import "reflect-metadata";

import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { noRoleUri } from "../../adapters/tls/node-identity.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const dayMs = 86_400_000;

/** A certificate and its private key as PEM texts. */
export interface PemPair {
  readonly certificate: string;
  readonly key: string;
}

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
export async function createAuthority(nowMs: number): Promise<PemPair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: "CN=Spice Cluster CA",
    notBefore: new Date(nowMs - 5 * 60_000),
    notAfter: new Date(nowMs + 10 * 365 * dayMs),
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

/** A node's certificate under that CA: ECDSA P-256, one year, for both sides of a connection. */
export async function issueNode(ca: PemPair, names: NodeNames, nowMs: number): Promise<PemPair> {
  const issuer = new x509.X509Certificate(ca.certificate);
  const signingKey = await webcrypto.subtle.importKey(
    "pkcs8",
    x509.PemConverter.decodeFirst(ca.key),
    algorithm,
    false,
    ["sign"],
  );
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [{ CN: [names.name] }],
    issuer: issuer.subject,
    notBefore: new Date(nowMs - 5 * 60_000),
    notAfter: new Date(nowMs + 365 * dayMs),
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

/** The host first: it is what the node advertises unless told otherwise. */
function alternativeNames({ hosts, roleName }: NodeNames): x509.JsonGeneralNames {
  const named = hosts.map((host) => ({ type: isIp(host) ? ("ip" as const) : ("dns" as const), value: host }));
  const all = [
    ...named,
    { type: "dns" as const, value: "localhost" },
    { type: "ip" as const, value: "127.0.0.1" },
    roleName === undefined
      ? { type: "url" as const, value: noRoleUri }
      : { type: "dns" as const, value: roleName },
  ];
  return all.filter((name, i) => all.findIndex((other) => other.value === name.value) === i);
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
