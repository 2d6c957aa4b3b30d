import { X509Certificate } from "node:crypto";

/** What plans need to know of a certificate; nothing secret. */
export interface CertificateFacts {
  /** SHA-256 of the DER form, lower-case hex without colons. */
  readonly sha256: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** @throws Error when the text holds no certificate in PEM. */
export function certificateFacts(pem: string): CertificateFacts {
  const certificate = new X509Certificate(pem);
  return {
    sha256: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: certificate.validToDate.getTime(),
  };
}

/** The certificates of a PEM bundle, each as a PEM text that ends with a line break. */
export function readBundle(pem: string): readonly string[] {
  return [...pem.matchAll(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g)].map(
    ([text]) => `${text}\n`,
  );
}

/** Whether the root's key signed the leaf. @throws Error when one of them is no certificate in PEM. */
export function isIssuedBy(leafPem: string, rootPem: string): boolean {
  const [leaf, root] = [new X509Certificate(leafPem), new X509Certificate(rootPem)];
  return leaf.checkIssued(root) && leaf.verify(root.publicKey);
}

/** The DNS, IP and URI names of a certificate as one text, to tell whether they changed. */
export function alternativeNamesOf(pem: string): string {
  return new X509Certificate(pem).subjectAltName ?? "";
}
