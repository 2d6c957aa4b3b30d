import { createHash } from "node:crypto";
import type { KubeObject } from "../client/object.ts";

/** JSON with sorted names and without null and absent fields: equal values have equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(prune(value));
}

/** A short digest of what {@link canonicalJson} says. */
export function digest(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("base64url").slice(0, 32);
}

/**
 * What is sent to server-side apply for a wanted object: without what only the server sets, without status, and
 * with a Secret's `stringData` as the `data` that can be read back.
 */
export function toApply<T extends KubeObject>(wanted: T): T {
  const { status: _status, stringData, ...body } = wanted as T & { status?: unknown; stringData?: unknown };
  const { uid, resourceVersion, creationTimestamp, managedFields, generation, ...metadata } = wanted.metadata;
  const object = { ...body, metadata };
  if (wanted.kind !== "Secret" || stringData === undefined) return prune(object) as T;
  const data: Record<string, unknown> = { ...(body as { data?: Record<string, unknown> }).data };
  for (const [name, text] of Object.entries(stringData as Record<string, string>)) {
    data[name] = Buffer.from(text).toString("base64");
  }
  return prune({ ...object, data }) as T;
}

function prune(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(prune);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, part]) => part !== undefined && part !== null)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, part]) => [name, prune(part)]),
  );
}
