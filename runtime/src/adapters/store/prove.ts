import {
  AmbiguousWriteError,
  type ObjectStore,
  type PutCondition,
  type PutOutcome,
  StoreError,
} from "../../ports/object-store.ts";
import type { Random } from "../../ports/random.ts";

export interface ProofOptions {
  readonly random: Pick<Random, "uuid">;
  readonly signal?: AbortSignal;
}

/** The store ignores the conditions of writes, so that several writers may win. */
export class ConditionalWritesUnsupportedError extends Error {
  override readonly name = "ConditionalWritesUnsupportedError";
  constructor(location: string, observed: string) {
    super(
      `${location} does not honour conditional writes: ${observed}. Shared state requires conditional writes by ETag ` +
        "(If-Match, and If-None-Match: * to create); stores that have them: S3, GCS, Azure Blob, S3-compatible",
    );
  }
}

const attempts = 3;
const rounds = 3;
const writers = 8;
const encoder = new TextEncoder();

/**
 * Show by about sixty small requests that a store honours conditions (spec chapters 02 and 04): an existing object is
 * not created again, a stale ETag does not write, and of eight concurrent creates or changes exactly one wins, three
 * times each. The objects, below `.capability/`, are deleted again.
 *
 * Throws {@link ConditionalWritesUnsupportedError} when the store is at fault, the store's own {@link StoreError} when
 * it cannot be reached or written, and the signal's reason.
 */
export async function proveConditionalWrites(store: ObjectStore, options: ProofOptions): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await proveOnce(store, options);
    } catch (error) {
      // A lost reply proves nothing either way: start anew, on other keys.
      const again = error instanceof AmbiguousWriteError || (error instanceof StoreError && error.retryable);
      options.signal?.throwIfAborted();
      if (!again || attempt >= attempts) throw withoutKey(error);
    }
  }
}

/** Without the key, which was drawn for the proof and says nothing: equal failures have equal words. */
function withoutKey(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  const [, why = error.message] = /^\S+ \S+: (.*)$/s.exec(error.message) ?? [];
  return new StoreError(why, { cause: error, retryable: error.retryable });
}

async function proveOnce(store: ObjectStore, options: ProofOptions): Promise<void> {
  const folder = `.capability/${options.random.uuid()}`;
  const keys = ["sequence", ...Array.from({ length: rounds }, (_, i) => `race-${i}`)].map(
    (n) => `${folder}/${n}`,
  );
  // Not under the caller's signal: what was written has to go also when the proof is called off.
  const clean = () => Promise.all(keys.map((key) => store.delete(key)));
  try {
    await proveSequence(store, keys[0] as string, options);
    for (const key of keys.slice(1)) await proveRaces(store, key, options);
  } catch (error) {
    // The finding counts, not that a store in trouble could not be cleaned up.
    await clean().catch(() => undefined);
    throw error;
  }
  await clean();
}

async function proveSequence(store: ObjectStore, key: string, options: ProofOptions): Promise<void> {
  const put = async (body: string, condition: PutCondition): Promise<PutOutcome> => {
    const outcome = await store.put(key, encoder.encode(body), condition, callOptions(options));
    if (outcome.kind !== "conflict") return outcome;
    throw new StoreError(`${store.location}: a lone write was answered with 409`, { retryable: true });
  };
  const fail = (what: string) => new ConditionalWritesUnsupportedError(store.location, what);

  const created = await put("1", { kind: "absent" });
  if (created.kind !== "written") throw fail(`creating a new object was answered with ${created.kind}`);
  if ((await put("2", { kind: "absent" })).kind === "written")
    throw fail("an existing object was created a second time");
  const changed = await put("3", { kind: "match", etag: created.etag });
  if (changed.kind !== "written")
    throw fail(`a change with the right ETag was answered with ${changed.kind}`);
  if (changed.etag === created.etag) throw fail("two different contents have the same ETag");
  if ((await put("4", { kind: "match", etag: created.etag })).kind === "written")
    throw fail("a change with a stale ETag was accepted");
  const found = await store.get(key, callOptions(options));
  if (found?.etag !== changed.etag || new TextDecoder().decode(found.body) !== "3")
    throw fail("a read did not give what the last successful write had written");
}

/** Many writers at once, first to create the object, then to change it. */
async function proveRaces(store: ObjectStore, key: string, options: ProofOptions): Promise<void> {
  let condition: PutCondition = { kind: "absent" };
  for (const what of ["creates of one object", "changes from one ETag"]) {
    const current = condition;
    const outcomes = await settle(
      Array.from({ length: writers }, (_, i) =>
        store.put(key, encoder.encode(`${what} ${i}`), current, callOptions(options)),
      ),
    );
    const written = outcomes.filter((o) => o.kind === "written");
    if (written.length > 1)
      throw new ConditionalWritesUnsupportedError(
        store.location,
        `${written.length} of ${writers} concurrent ${what} succeeded`,
      );
    const winner = written[0];
    if (winner === undefined)
      throw new StoreError(`${store.location}: none of ${writers} concurrent ${what} succeeded`, {
        retryable: true,
      });
    condition = { kind: "match", etag: winner.etag };
  }
}

/** Wait for all, so that no write is in flight when the objects are deleted; then throw the first failure. */
async function settle(writes: readonly Promise<PutOutcome>[]): Promise<PutOutcome[]> {
  await Promise.allSettled(writes);
  return Promise.all(writes);
}

function callOptions(options: ProofOptions): { signal?: AbortSignal } {
  return options.signal === undefined ? {} : { signal: options.signal };
}
