import { join } from "node:path";
import type { PemPair } from "@spice-shards/certificates";
import { createAuthority, issueNode } from "../../runtime/src/cli/tls/authority.ts";
import { SecretVolume } from "../../runtime/test/support/secret-volume.ts";

/** Certificates of a bench's nodes, as files that can be replaced while they run. */
export class Pki {
  readonly #root: PemPair;
  readonly #dir: string;
  readonly #volumes = new Map<string, SecretVolume>();

  private constructor(root: PemPair, dir: string) {
    this.#root = root;
    this.#dir = dir;
  }

  /** `names` as `TestCluster` gives them: `scheduler-0`, `executor-1`, … */
  static async create(dir: string, names: readonly string[]): Promise<Pki> {
    const pki = new Pki(await createAuthority(Date.now()), dir);
    for (const name of names) {
      pki.#volumes.set(name, new SecretVolume(join(dir, name)));
      await pki.renew(name);
    }
    return pki;
  }

  /** A new leaf for a node, put in place as a kubelet does. */
  async renew(name: string): Promise<void> {
    const roleName = `${name.split("-")[0]}.moves.bench`;
    const leaf = await issueNode(this.#root, { name, hosts: ["127.0.0.1"], roleName }, Date.now());
    this.#volumes.get(name)!.write(leaf, this.#root.certificate);
  }

  get names(): string[] {
    return [...this.#volumes.keys()];
  }

  /** The flags of a node, for `TestCluster`. */
  readonly flags = (name: string): readonly string[] => {
    const volume = this.#volumes.get(name);
    if (volume === undefined) throw new Error(`No certificate for ${name} under ${this.#dir}`);
    return volume.flags;
  };
}
