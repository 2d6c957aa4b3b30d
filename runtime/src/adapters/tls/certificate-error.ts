/**
 * Certificate files cannot be used: one is missing or malformed, they do not belong together, the leaf is out of its
 * time, or it is not for this node. The message names the file and says why.
 */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
}
