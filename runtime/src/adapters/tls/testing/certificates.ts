import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CertificateFiles } from "../load-certificates.ts";

export interface LeafOptions {
  readonly commonName: string;
  readonly dnsNames?: readonly string[];
  readonly uris?: readonly string[];
  /** Days from now until it expires; negative for one that has. */
  readonly days?: number;
}

/** A CA for tests that writes leaves into folders, by the openssl program. */
export class TestCa {
  readonly #folder = mkdtempSync(join(tmpdir(), "test-ca-"));
  #serial = 2;

  constructor(name = "Test CA") {
    this.#key("ca");
    this.#openssl(
      "req",
      "-x509",
      "-new",
      "-key",
      "ca.key",
      "-subj",
      `/CN=${name}`,
      "-days",
      "30",
      "-out",
      "ca.crt",
    );
  }

  /** Write `ca.crt`, `tls.crt` and `tls.key` of a new leaf into `folder`. */
  leaf(folder: string, options: LeafOptions): CertificateFiles {
    this.#key("tls");
    this.#openssl("req", "-new", "-key", "tls.key", "-subj", `/CN=${options.commonName}`, "-out", "tls.csr");
    const names = [
      ...(options.dnsNames ?? []).map((name) => `DNS:${name}`),
      ...(options.uris ?? []).map((uri) => `URI:${uri}`),
    ];
    writeFileSync(join(this.#folder, "extensions"), `subjectAltName=${names.join(",")}\n`);
    const extensions = names.length === 0 ? [] : ["-extfile", "extensions"];
    const days = String(options.days ?? 20);
    const serial = String(this.#serial++);
    const sign = ["x509", "-req", "-in", "tls.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-out", "tls.crt"];
    this.#openssl(...sign, "-set_serial", serial, "-days", days, ...extensions);
    mkdirSync(folder, { recursive: true });
    const copy = (name: string) => {
      copyFileSync(join(this.#folder, name), join(folder, name));
      return join(folder, name);
    };
    return { caCertificateFile: copy("ca.crt"), certificateFile: copy("tls.crt"), keyFile: copy("tls.key") };
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #key(name: string): void {
    this.#openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", `${name}.key`);
  }

  #openssl(...args: string[]): void {
    execFileSync("openssl", args, { cwd: this.#folder, stdio: "pipe" });
  }
}
