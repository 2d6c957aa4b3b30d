import { CLUSTER_KEY } from "../../core/cluster/document/document.ts";
import { isStateKey, stateFolders } from "../../core/cluster/document/state-keys.ts";
import type { Clock } from "../../ports/clock.ts";
import { AmbiguousWriteError, type ObjectStore } from "../../ports/object-store.ts";
import { CliError } from "../cli-error.ts";

/** As long as a scheduler may be silent before another takes its place: its time to live and what clocks may differ. */
const quietMs = 35_000;

/**
 * What stands in place of the document while its cluster is removed: no version reads it, so no scheduler starts on it,
 * and no write of one that still runs succeeds.
 */
const tombstone = Buffer.from(`${JSON.stringify({ schema_version: 0, removed: true })}\n`);

/**
 * Removes what a cluster left at its state location, and answers how many objects that were. Objects of other names are
 * left alone. An end in the middle leaves the location closed for schedulers, and another call goes on from there.
 *
 * @throws CliError when somebody writes there; StoreError; the signal's reason.
 */
export async function removeState(store: ObjectStore, clock: Clock, signal: AbortSignal): Promise<number> {
  const found = await store.get(CLUSTER_KEY, { signal });
  const before = await beatsOf(store, signal);
  if (found === undefined && (await firstOf(objectsOf(store, signal))) === undefined) return 0;
  if (!isTombstone(found?.body)) {
    // Schedulers that end take their beats away; where one was killed they stay, and do not change any more.
    if (before.size > 0) await clock.sleep(quietMs, signal);
    for (const [key, etag] of await beatsOf(store, signal))
      if (before.get(key) !== etag) throw inUse(store, `${key} changes`);
    await close(store, found?.etag, signal);
  }
  let removed = found === undefined ? 0 : 1;
  for (const key of await allOf(objectsOf(store, signal))) {
    await store.delete(key, { signal });
    removed += 1;
  }
  // Last, so that nothing of a cluster that begins here afterwards is ever touched.
  await store.delete(CLUSTER_KEY, { signal });
  return removed;
}

/** Puts the tombstone in the place of the very document that was read. */
async function close(store: ObjectStore, etag: string | undefined, signal: AbortSignal): Promise<void> {
  const condition = etag === undefined ? ({ kind: "absent" } as const) : ({ kind: "match", etag } as const);
  try {
    const { kind } = await store.put(CLUSTER_KEY, tombstone, condition, { signal });
    if (kind !== "written") throw inUse(store, `${CLUSTER_KEY} changes`);
  } catch (error) {
    if (!(error instanceof AmbiguousWriteError)) throw error;
    if (!isTombstone((await store.get(CLUSTER_KEY, { signal }))?.body)) throw error;
  }
}

function isTombstone(body: Uint8Array | undefined): boolean {
  return body !== undefined && Buffer.compare(body, tombstone) === 0;
}

/** The ETag of each scheduler's beat. */
async function beatsOf(store: ObjectStore, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const beats = new Map<string, string>();
  for await (const { key, etag } of store.list("heartbeats/", { signal })) beats.set(key, etag);
  return beats;
}

/** The cluster's objects besides its document, and what a proof of the store's conditions left. */
async function* objectsOf(store: ObjectStore, signal: AbortSignal): AsyncGenerator<string> {
  for (const folder of [...stateFolders, ".capability/"]) {
    for await (const { key } of store.list(folder, { signal }))
      if (isStateKey(key) || folder === ".capability/") yield key;
  }
}

async function firstOf<T>(items: AsyncIterable<T>): Promise<T | undefined> {
  for await (const item of items) return item;
  return undefined;
}

async function allOf<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function inUse({ location }: ObjectStore, why: string): CliError {
  return new CliError(
    `${location} is in use: ${why}. Nothing was removed; stop every scheduler that has this state_location`,
  );
}
