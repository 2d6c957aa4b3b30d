import { generateKeyPairSync, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRoot, issueLeaf, type PemPair } from "@spice-shards/certificates";

/** A user whom the API server knows by a token. */
export interface TestUser {
  readonly name: string;
  readonly groups?: readonly string[];
}

/** What the parts of a control plane prove themselves by; files lie in its directory. */
export interface Pki {
  /** The root's certificate as PEM, which clients trust. */
  readonly ca: string;
  readonly files: {
    readonly ca: string;
    readonly caKey: string;
    readonly server: string;
    readonly serverKey: string;
    readonly accountKey: string;
    readonly accountPublicKey: string;
    readonly tokens: string;
  };
  /** Token by user name. */
  readonly tokens: ReadonlyMap<string, string>;
  /** A certificate for another server of the test, such as a proxy or a webhook. */
  issue(hosts: readonly string[]): Promise<PemPair>;
}

const validMs = 7 * 86_400_000;

/** Makes a root, the API server's certificate, the service accounts' key, and a token per user. */
export async function makePki(
  dir: string,
  users: readonly TestUser[],
  hosts: readonly string[],
): Promise<Pki> {
  const time = { nowMs: Date.now(), validMs };
  const root = await createRoot("test-cluster", time);
  const issue = (names: readonly string[]) =>
    issueLeaf(root, { commonName: names[0] ?? "server", hosts: names }, time);
  const server = await issue(hosts);
  const accounts = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const write = (name: string, text: string) => {
    const file = join(dir, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  const tokens = new Map(users.map(({ name }) => [name, randomBytes(16).toString("hex")]));
  const lines = users.map(({ name, groups = [] }) =>
    [tokens.get(name), name, name, ...(groups.length > 0 ? [`"${groups.join(",")}"`] : [])].join(","),
  );
  return {
    ca: root.certificate,
    files: {
      ca: write("ca.crt", root.certificate),
      caKey: write("ca.key", root.key),
      server: write("server.crt", server.certificate),
      serverKey: write("server.key", server.key),
      accountKey: write(
        "accounts.key",
        accounts.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      ),
      // The API server does not find a public key in a PKCS #8 private one.
      accountPublicKey: write(
        "accounts.pub",
        accounts.publicKey.export({ type: "spki", format: "pem" }).toString(),
      ),
      tokens: write("tokens.csv", `${lines.join("\n")}\n`),
    },
    tokens,
    issue,
  };
}
