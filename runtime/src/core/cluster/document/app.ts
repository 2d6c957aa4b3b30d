import { createHash } from "node:crypto";
import type { ClusterDocument } from "./document.ts";

/** The key of a spicepod in the store. */
export function appKey(sha256: string): string {
  return `app/${sha256}.yaml`;
}

export function appSha256(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}

/** A spicepod that a scheduler loaded from its file. */
export interface LoadedApp {
  readonly sha256: string;
  /** `metadata.generation` of the file, when the operator numbered it. */
  readonly generation?: number;
}

export type AppDecision =
  /** Commit it as this generation. */
  | { readonly kind: "propose"; readonly generation: number }
  /** It is the one in force. */
  | { readonly kind: "current" }
  /** Use the committed one instead. */
  | {
      readonly kind: "follow";
      readonly generation: number;
      readonly sha256: string;
      readonly reason: string;
    };

/**
 * What becomes of a spicepod that was loaded (spec chapter 04): it is the next generation, unless it is the one in
 * force, or its number is not above the committed one. Asked when a file is loaded, never again by itself, so
 * two schedulers with different files do not take turns.
 */
export function decideApp(document: ClusterDocument, loaded: LoadedApp): AppDecision {
  const committed = document.app;
  if (committed === undefined) return { kind: "propose", generation: loaded.generation ?? 1 };
  if (committed.sha256 === loaded.sha256) return { kind: "current" };
  if (loaded.generation === undefined) return { kind: "propose", generation: committed.generation + 1 };
  if (loaded.generation > committed.generation) return { kind: "propose", generation: loaded.generation };
  const reason =
    loaded.generation === committed.generation
      ? `spicepod generation ${loaded.generation} was already committed with other content`
      : `spicepod generation ${loaded.generation} is older than generation ${committed.generation}, which is in force`;
  return { kind: "follow", ...committed, reason };
}

/** Commit a loaded spicepod if it still is to be proposed; its object must be in the store already. */
export function proposeApp(document: ClusterDocument, loaded: LoadedApp): ClusterDocument {
  const decision = decideApp(document, loaded);
  if (decision.kind !== "propose") return document;
  return { ...document, app: { ...document.app, generation: decision.generation, sha256: loaded.sha256 } };
}
