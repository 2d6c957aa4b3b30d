import { type CertificateFiles, loadCertificates, type NodeCertificates } from "./load-certificates.ts";
import type { NodeRole } from "./node-identity.ts";
import { ReloadedFiles, type TlsLog } from "./reloaded-files.ts";

export interface WatchOptions {
  readonly log: TlsLog;
  /** The part of this process in the cluster, when only certificates for it (or for no role) may be used. */
  readonly role?: NodeRole["role"];
  /** Slow poll beside file events, which some file systems do not send. Default 10 s. */
  readonly pollMs?: number;
}

/**
 * The node's certificates, read again when the files change. A set that cannot be used is reported once and the last
 * good one stays in force; connections that are open go on with what they were opened with.
 */
export class CertificateSource {
  readonly #files: ReloadedFiles<NodeCertificates>;

  private constructor(files: ReloadedFiles<NodeCertificates>) {
    this.#files = files;
  }

  /** @throws CertificateError when the files cannot be used now. */
  static async open(files: CertificateFiles, options: WatchOptions): Promise<CertificateSource> {
    const { log, role, pollMs = 10_000 } = options;
    const reloaded = await ReloadedFiles.open<NodeCertificates>({
      paths: [files.caCertificateFile, files.certificateFile, files.keyFile],
      load: (inForce) =>
        loadCertificates(files, {
          nowMs: Date.now(),
          ...(role === undefined ? {} : { role }),
          ...(inForce === undefined ? {} : { inForce: inForce.identity }),
        }),
      same: equal,
      swapped: (now, before) =>
        log.info("Certificates were read again", {
          fingerprint: now.leaf.fingerprint256,
          before: before.leaf.fingerprint256,
          expires: now.leaf.validToDate.toISOString(),
          trust: now.trust.map((root) => root.fingerprint256),
        }),
      log,
      what: "certificates",
      pollMs,
    });
    return new CertificateSource(reloaded);
  }

  current(): NodeCertificates {
    return this.#files.current();
  }

  /** Call `listener` soon with the current set, and with every new one, until the returned function is called. */
  subscribe(listener: (certificates: NodeCertificates) => void): () => void {
    const stop = this.#files.subscribe(listener);
    let wanted = true;
    // Not at once: grpc-js forgets an update that comes before it has finished to subscribe.
    process.nextTick(() => {
      if (wanted) listener(this.#files.current());
    });
    return () => {
      wanted = false;
      stop();
    };
  }

  /** Call `listener` with every new set that comes into force, until the returned function is called. */
  onRenewal(listener: (certificates: NodeCertificates) => void): () => void {
    return this.#files.subscribe(listener);
  }

  /** Read the files now. Never rejects: a set that cannot be used goes to the log. */
  reload(): Promise<void> {
    return this.#files.reload();
  }

  close(): void {
    this.#files.close();
  }
}

function equal(a: NodeCertificates, b: NodeCertificates): boolean {
  return a.ca.equals(b.ca) && a.certificate.equals(b.certificate) && a.key.equals(b.key);
}
