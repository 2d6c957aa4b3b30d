import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PemPair } from "@spice-shards/certificates";

/** A folder as a kubelet writes a secret volume: files are links through `..data`, which is moved at once. */
export class SecretVolume {
  readonly path: string;
  #version = 0;
  leaf: PemPair = { certificate: "", key: "" };
  trust = "";

  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true });
  }

  write(leaf: PemPair, trust: string): void {
    const version = `..version_${++this.#version}`;
    mkdirSync(join(this.path, version));
    const contents = { "ca.crt": trust, "tls.crt": leaf.certificate, "tls.key": leaf.key };
    for (const [file, text] of Object.entries(contents)) {
      writeFileSync(join(this.path, version, file), text);
      if (this.#version === 1) symlinkSync(`..data/${file}`, join(this.path, file));
    }
    symlinkSync(version, join(this.path, "..data_tmp"));
    renameSync(join(this.path, "..data_tmp"), join(this.path, "..data"));
    [this.leaf, this.trust] = [leaf, trust];
  }

  get flags(): string[] {
    return [
      `--node-mtls-ca-certificate-file=${join(this.path, "ca.crt")}`,
      `--node-mtls-certificate-file=${join(this.path, "tls.crt")}`,
      `--node-mtls-key-file=${join(this.path, "tls.key")}`,
    ];
  }
}
