import { checkLeaf, type LeafFiles } from "./check-leaf.ts";
import { certificatesOf } from "./pem.ts";
import { readFiles } from "./read-files.ts";
import { ReloadedFiles, type TlsLog } from "./reloaded-files.ts";

/** What a server of the public ports shows its clients, as PEM. */
export interface ServerCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * The pair of `--tls-*-file`, read again when the files change; the last good pair stays in force when the new one
 * cannot be used.
 * @throws CertificateError when the files cannot be used now.
 */
export function openServerCertificate(
  files: LeafFiles,
  { log, pollMs = 10_000 }: { readonly log: TlsLog; readonly pollMs?: number },
): Promise<ReloadedFiles<ServerCertificate>> {
  return ReloadedFiles.open<ServerCertificate>({
    paths: [files.certificateFile, files.keyFile],
    async load() {
      const [cert, key] = (await readFiles([files.certificateFile, files.keyFile])) as [Buffer, Buffer];
      checkLeaf(files, certificatesOf(cert, files.certificateFile)[0]!, key, Date.now());
      return { cert, key };
    },
    same: (a, b) => a.cert.equals(b.cert) && a.key.equals(b.key),
    swapped: ({ cert }) => {
      const leaf = certificatesOf(cert, files.certificateFile)[0]!;
      log.info("The public certificate was read again", {
        fingerprint: leaf.fingerprint256,
        expires: leaf.validToDate.toISOString(),
      });
    },
    log,
    what: "public certificate",
    pollMs,
  });
}
