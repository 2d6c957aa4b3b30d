import {
  type AppDecision,
  appKey,
  appSha256,
  decideApp,
  proposeApp,
} from "../../core/cluster/document/app.ts";
import type { AppReference } from "../../core/cluster/document/document.ts";
import { CorruptDocumentError } from "../../core/cluster/errors.ts";
import { StoreError } from "../../ports/object-store.ts";
import type { ClusterState } from "./cluster-state.ts";

/**
 * Offer the spicepod that this scheduler loaded from its file, once per load. Its object is written before the root
 * names it. Returns what became of it: `propose` means that it was committed; on `follow` use {@link fetchApp}. Errors of the store pass through.
 */
export async function offerApp(
  state: ClusterState,
  body: Uint8Array,
  generation: number | undefined,
): Promise<AppDecision> {
  const sha256 = appSha256(body);
  const loaded = { sha256, ...(generation === undefined ? {} : { generation }) };
  await state.refresh();
  if (decideApp(state.document, loaded).kind === "propose") {
    const { kind } = await state.store.put(appKey(sha256), body, { kind: "absent" });
    if (kind === "conflict" || kind === "missing") {
      throw new StoreError(`Writing ${appKey(sha256)} met a concurrent request`, { retryable: true });
    }
  }
  const { result } = await state.change((document) => ({
    document: proposeApp(document, loaded),
    result: decideApp(document, loaded),
  }));
  return result;
}

/** The spicepod of a committed generation, checked against its name. */
export async function fetchApp(
  state: ClusterState,
  app: AppReference,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const key = appKey(app.sha256);
  const found = await state.store.get(key, signal === undefined ? {} : { signal });
  if (found === undefined || appSha256(found.body) !== app.sha256) {
    throw new CorruptDocumentError(
      `${key} at ${state.store.location} is ${found === undefined ? "missing" : "not what its name says"}. Load the spicepod of generation ${app.generation} on a scheduler again under a higher generation`,
    );
  }
  return found.body;
}
