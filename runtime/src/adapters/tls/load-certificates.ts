import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile, realpath } from "node:fs/promises";
import { type NodeIdentity, nodeIdentity } from "./node-identity.ts";

/** The files of `--node-mtls-*`. */
export interface CertificateFiles {
  readonly caCertificateFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** A complete, matching set of what a node needs for mTLS. */
export interface NodeCertificates {
  readonly ca: Buffer;
  /** The leaf, followed by intermediates if there are any. */
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly leaf: X509Certificate;
  readonly identity: NodeIdentity;
}

/** The files cannot be used: one is missing or malformed, they do not belong together, or the leaf has expired. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
}

const attempts = 5;

/**
 * Read and check the three files as one set. A kubelet swaps all files of a volume at once by moving a symlink, so
 * the real paths are resolved first and must still be the same afterwards; files that change while they are read are
 * read again.
 * @throws CertificateError
 */
export async function loadCertificates(
  files: CertificateFiles,
  nowMs = Date.now(),
): Promise<NodeCertificates> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { ca, certificate, key } = await readConsistently(files);
      return check(files, ca, certificate, key, nowMs);
    } catch (error) {
      if (attempt === attempts) {
        if (error instanceof CertificateError) throw error;
        throw new CertificateError(`Cannot read the node's certificates: ${(error as Error).message}`, {
          cause: error,
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function readConsistently(files: CertificateFiles) {
  const names = [files.caCertificateFile, files.certificateFile, files.keyFile] as const;
  const resolve = () => Promise.all(names.map((name) => realpath(name)));
  const before = await resolve();
  const read = () => Promise.all(before.map((path) => readFile(path)));
  const first = await read();
  const [second, after] = [await read(), await resolve()];
  const same =
    first.every((bytes, i) => bytes.equals(second[i]!)) && before.every((path, i) => path === after[i]);
  if (!same) throw new CertificateError("The node's certificates change while they are read");
  return { ca: first[0]!, certificate: first[1]!, key: first[2]! };
}

function check(
  files: CertificateFiles,
  ca: Buffer,
  certificate: Buffer,
  key: Buffer,
  nowMs: number,
): NodeCertificates {
  const parse = <T>(file: string, what: string, make: () => T): T => {
    try {
      return make();
    } catch (error) {
      throw new CertificateError(`${file} holds no ${what} in PEM`, { cause: error });
    }
  };
  parse(files.caCertificateFile, "certificate", () => new X509Certificate(ca));
  const leaf = parse(files.certificateFile, "certificate", () => new X509Certificate(certificate));
  const privateKey = parse(files.keyFile, "private key", () => createPrivateKey(key));
  if (!leaf.checkPrivateKey(privateKey)) {
    throw new CertificateError(
      `${files.keyFile} is not the key of the certificate in ${files.certificateFile}`,
    );
  }
  if (leaf.validToDate.getTime() <= nowMs) {
    throw new CertificateError(
      `The certificate in ${files.certificateFile} expired at ${leaf.validToDate.toISOString()}`,
    );
  }
  return { ca, certificate, key, leaf, identity: nodeIdentity(leaf) };
}
