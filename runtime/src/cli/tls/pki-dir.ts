import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PemPair } from "@spice-shards/certificates";
import { CliError } from "../cli-error.ts";

/** A directory of certificates: `ca.crt` and `ca.key`, then `{name}.crt` and `{name}.key` for each node. */
export class PkiDir {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get hasAuthority(): boolean {
    return existsSync(this.#file("ca", "crt"));
  }

  /** Throws the text that says to run `spice cluster tls init` first. */
  readAuthority(): PemPair {
    if (!this.hasAuthority || !existsSync(this.#file("ca", "key"))) {
      throw new CliError("CA certificate not found. Run 'spice cluster tls init' first.");
    }
    return {
      certificate: readFileSync(this.#file("ca", "crt"), "utf8"),
      key: readFileSync(this.#file("ca", "key"), "utf8"),
    };
  }

  /** Write both files; the key is for its owner only from its first byte on. Gives their paths. */
  write(name: string, pair: PemPair): { certificate: string; key: string } {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    chmodSync(this.path, 0o700);
    const key = this.#replace(this.#file(name, "key"), pair.key, 0o600);
    return { certificate: this.#replace(this.#file(name, "crt"), pair.certificate, 0o644), key };
  }

  #file(name: string, kind: "crt" | "key"): string {
    return join(this.path, `${name}.${kind}`);
  }

  #replace(file: string, text: string, mode: number): string {
    const temporary = `${file}.${process.pid}.tmp`;
    writeFileSync(temporary, text, { mode });
    chmodSync(temporary, mode);
    renameSync(temporary, file);
    return file;
  }
}
