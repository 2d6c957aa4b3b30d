import { X509Certificate } from "node:crypto";
import type { KubeObject } from "@spice-shards/kube";
import type { Redaction } from "../redaction.ts";

export interface SecretObject extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

/** Have every value of a Secret blanked from now on; certificates are no secrets. */
export function learnSecret(redaction: Redaction, secret: SecretObject): void {
  for (const encoded of Object.values(secret.data ?? {})) {
    const value = Buffer.from(encoded, "base64").toString("utf8");
    if (/-----BEGIN CERTIFICATE-----/.test(value) && !/PRIVATE KEY-----/.test(value)) continue;
    redaction.addSecret(value);
    for (const part of stringsIn(value)) redaction.addSecret(part);
  }
}

/** What may be told of a Secret: names, keys, and what certificates say of themselves; never a value or its length. */
export function describeSecret({ metadata, type, data = {} }: SecretObject): object {
  const { name, namespace, creationTimestamp, labels, ownerReferences } = metadata;
  const annotations = Object.keys(metadata.annotations ?? {});
  const certificates = Object.entries(data).flatMap(([key, encoded]) => {
    const found = certificatesIn(Buffer.from(encoded, "base64").toString("utf8"));
    return found.length === 0 ? [] : [{ key, certificates: found }];
  });
  return {
    kind: "Secret",
    metadata: { name, namespace, creationTimestamp, labels, annotations, ownerReferences },
    type,
    keys: Object.entries(data).map(([key, value]) => (value === "" ? `${key} (empty)` : key)),
    certificates,
  };
}

function certificatesIn(text: string): object[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((pem) => {
    try {
      const certificate = new X509Certificate(pem);
      return {
        subject: certificate.subject,
        issuer: certificate.issuer,
        subject_alternative_names: certificate.subjectAltName ?? "",
        not_before: certificate.validFromDate.toISOString(),
        not_after: certificate.validToDate.toISOString(),
        serial_number: certificate.serialNumber,
        sha256: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
      };
    } catch (error) {
      return { problem: `not a certificate: ${(error as Error).message}` };
    }
  });
}

/** Texts within a JSON document, such as a registry's credentials. */
function stringsIn(text: string): string[] {
  if (!/^\s*[{[]/.test(text)) return [];
  try {
    return leaves(JSON.parse(text));
  } catch {
    return [];
  }
}

function leaves(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(leaves) : [];
}

/** Names of the Secrets that an object mentions: in volumes, environments, pull secrets, the spec of a cluster. */
export function secretNamesIn(value: unknown, key = ""): string[] {
  if (typeof value === "string") return /^(?:secretName|pullSecret)$/.test(key) ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item) => secretNamesIn(item, key));
  const fields = Object.entries(value);
  if (/^(?:secretKeyRef|secretRef|rootSecretRef|imagePullSecrets|secret)$/.test(key)) {
    const name = fields.find(([field]) => field === "name")?.[1] as unknown;
    if (typeof name === "string") return [name];
  }
  return fields.flatMap(([field, item]) => secretNamesIn(item, field));
}
