import type { X509Certificate } from "node:crypto";
import { CertificateError } from "./certificate-error.ts";
import { privateKeyOf } from "./pem.ts";

/** The file of a leaf with its chain, and the file of its key. */
export interface LeafFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Throws a CertificateError when the key is not the leaf's, or the leaf is not valid at `nowMs`. */
export function checkLeaf(files: LeafFiles, leaf: X509Certificate, key: Buffer, nowMs: number): void {
  if (!leaf.checkPrivateKey(privateKeyOf(key, files.keyFile))) {
    throw new CertificateError(
      `${files.keyFile} is not the key of the certificate in ${files.certificateFile}`,
    );
  }
  if (leaf.validToDate.getTime() <= nowMs) {
    throw new CertificateError(
      `The certificate in ${files.certificateFile} expired at ${leaf.validToDate.toISOString()}`,
    );
  }
  if (leaf.validFromDate.getTime() > nowMs) {
    throw new CertificateError(
      `The certificate in ${files.certificateFile} is not valid before ${leaf.validFromDate.toISOString()}`,
    );
  }
}
