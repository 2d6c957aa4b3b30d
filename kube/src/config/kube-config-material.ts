import { readFile } from "node:fs/promises";
import type { RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import type { ConnectionMaterial, TlsMaterial } from "../client/transport.ts";

/**
 * What a kubeconfig's current user is known by, read anew: a token file, the files of certificates, and what an exec
 * plug-in or an OIDC provider returns (which the library caches).
 */
export async function kubeConfigMaterial(config: KubeConfig): Promise<ConnectionMaterial> {
  const options: RequestOptions = { headers: {} };
  await config.applyToHTTPSOptions(options);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (value !== undefined) headers[name.toLowerCase()] = String(value);
  }
  if (typeof options.auth === "string") {
    headers["authorization"] = `Basic ${Buffer.from(options.auth).toString("base64")}`;
  }
  const tokenFile = config.getCurrentUser()?.authProvider?.config?.tokenFile;
  if (typeof tokenFile === "string") {
    headers["authorization"] = `Bearer ${(await readFile(tokenFile, "utf8")).trim()}`;
  }
  return { headers, tls: tlsOf(options) };
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
