import { readFile } from "node:fs/promises";
import type { RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import type { ConnectionMaterial, Credentials, TlsMaterial } from "../client/transport.ts";
import type { Clock } from "../time/clock.ts";

/** Tokens and certificates on disk are read again after this time: far sooner than they expire. */
const freshMs = 10_000;

/**
 * The credentials of a kubeconfig's current user, read again as they rotate: a token file, the files of
 * certificates, and what an exec plug-in or an OIDC provider returns (which the library caches).
 */
export class KubeConfigCredentials implements Credentials {
  readonly #config: KubeConfig;
  readonly #clock: Clock;
  #cached: { readonly at: number; readonly material: Promise<ConnectionMaterial> } | undefined;

  constructor(config: KubeConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
  }

  current(): Promise<ConnectionMaterial> {
    const now = this.#clock.monotonicMs();
    if (this.#cached !== undefined && now - this.#cached.at < freshMs) return this.#cached.material;
    const previous = this.#cached?.material;
    const material = this.#read().catch((error) => {
      // A file may be away for a moment while it is replaced; what was valid goes on until the server refuses.
      if (previous !== undefined) return previous;
      this.#cached = undefined;
      throw error;
    });
    this.#cached = { at: now, material };
    return material;
  }

  invalidate(): void {
    this.#cached = undefined;
  }

  async #read(): Promise<ConnectionMaterial> {
    const options: RequestOptions = { headers: {} };
    await this.#config.applyToHTTPSOptions(options);
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      if (value !== undefined) headers[name.toLowerCase()] = String(value);
    }
    if (typeof options.auth === "string") {
      headers["authorization"] = `Basic ${Buffer.from(options.auth).toString("base64")}`;
    }
    const tokenFile = this.#config.getCurrentUser()?.authProvider?.config?.tokenFile;
    if (typeof tokenFile === "string") {
      headers["authorization"] = `Bearer ${(await readFile(tokenFile, "utf8")).trim()}`;
    }
    return { headers, tls: tlsOf(options) };
  }
}

function tlsOf(options: RequestOptions): TlsMaterial {
  const { ca, cert, key, passphrase, servername, rejectUnauthorized } = options;
  return {
    ...(isPem(ca) ? { ca } : {}),
    ...(isPem(cert) ? { cert } : {}),
    ...(isPem(key) ? { key } : {}),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(servername === undefined ? {} : { servername }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  };
}

function isPem(value: unknown): value is string | Buffer {
  return typeof value === "string" || Buffer.isBuffer(value);
}
