import type { KubeObject } from "./object.ts";
import { ProtocolError, type Status } from "./status-error.ts";

/** What a watch sends. */
export type WatchEvent<T extends KubeObject> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: T }
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string }
  | { readonly type: "ERROR"; readonly status: Status };

/**
 * Checks one document of a watch.
 *
 * @throws ProtocolError when it is no event that we know.
 */
export function toWatchEvent<T extends KubeObject>(document: unknown): WatchEvent<T> {
  const { type, object } = (document ?? {}) as { type?: unknown; object?: T & Status };
  const version = object?.metadata?.resourceVersion;
  switch (type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
      if (object === undefined || version === undefined || object.metadata.name === undefined) break;
      return { type, object };
    case "BOOKMARK":
      if (version === undefined) break;
      return { type, resourceVersion: version };
    case "ERROR":
      return { type, status: object ?? {} };
  }
  throw new ProtocolError(`a watch sent an event that is none: ${JSON.stringify(document).slice(0, 80)}`);
}
