import { describe, expect, test } from "@jest/globals";
import type { ObjectStore, PutCondition } from "../../ports/object-store.ts";
import { MemoryObjects, MemoryStore, type StoreFault } from "./memory.ts";
import { ConditionalWritesUnsupportedError, proveConditionalWrites } from "./prove.ts";

let drawn = 0;
const random = { uuid: () => `00000000-0000-4000-8000-${String(++drawn).padStart(12, "0")}` };

test("a store with conditions is accepted, and left as it was", async () => {
  const objects = new MemoryObjects();
  await proveConditionalWrites(new MemoryStore(objects), { random });
  expect(objects.objects.size).toBe(0);
});

test("lost replies, refusals and conflicts on the way are overcome", async () => {
  const objects = new MemoryObjects();
  const faults: (StoreFault | undefined)[] = [
    undefined,
    { kind: "lost-reply" },
    ...Array.from({ length: 5 }, () => undefined),
    { kind: "conflict" },
  ];
  await proveConditionalWrites(new MemoryStore(objects, { fault: () => faults.shift() }), { random });
  expect(objects.objects.size).toBe(0);
});

describe("a store without conditions is refused", () => {
  const ignoring = (ignored: PutCondition["kind"]): ((c: PutCondition) => PutCondition) => {
    return (condition) => (condition.kind === ignored ? { kind: "any" } : condition);
  };
  test.each([
    ["If-None-Match", ignoring("absent"), "an existing object was created a second time"],
    ["If-Match", ignoring("match"), "a change with a stale ETag was accepted"],
    [
      "its own changes",
      (c: PutCondition): PutCondition => (c.kind === "match" ? { kind: "absent" } : c),
      "a change with the right ETag was answered with precondition-failed",
    ],
  ])("%s ignored", async (_, change, observed) => {
    const objects = new MemoryObjects();
    const store = changing(new MemoryStore(objects, { location: "s3://bucket/" }), change);
    const error: unknown = await proveConditionalWrites(store, { random }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ConditionalWritesUnsupportedError);
    expect((error as Error).message).toBe(
      `s3://bucket/ does not honour conditional writes: ${observed}. Shared state requires conditional writes by ` +
        "ETag (If-Match, and If-None-Match: * to create); stores that have them: S3, GCS, Azure Blob, S3-compatible",
    );
    expect(objects.objects.size).toBe(0);
  });

  test("a check and a write that are not one step", async () => {
    const objects = new MemoryObjects();
    const inner = new MemoryStore(objects);
    const store = changing(inner, (c) => c);
    store.put = async (key, body, condition) => {
      const found = await inner.get(key);
      const holds =
        condition.kind === "any" ||
        (condition.kind === "absent" ? found === undefined : found?.etag === condition.etag);
      return holds ? inner.put(key, body, { kind: "any" }) : { kind: "precondition-failed" };
    };
    await expect(proveConditionalWrites(store, { random })).rejects.toThrow(
      "8 of 8 concurrent creates of one object succeeded",
    );
    expect(objects.objects.size).toBe(0);
  });
});

test("a store that cannot be reached is an error of the store, not a verdict", async () => {
  const store = new MemoryStore(new MemoryObjects(), { fault: () => ({ kind: "unavailable" }) });
  await expect(proveConditionalWrites(store, { random })).rejects.toMatchObject({ name: "StoreError" });
});

test("the proof can be called off, and cleans up", async () => {
  const objects = new MemoryObjects();
  const stop = new AbortController();
  let calls = 0;
  const store = new MemoryStore(objects, {
    fault: () => {
      calls += 1;
      if (calls === 4) stop.abort(new Error("called off"));
      return undefined;
    },
  });
  await expect(proveConditionalWrites(store, { random, signal: stop.signal })).rejects.toThrow("called off");
  expect(objects.objects.size).toBe(0);
});

/** A client of `inner` that sends other conditions than it was given. */
function changing(inner: ObjectStore, change: (condition: PutCondition) => PutCondition): ObjectStore {
  return {
    location: inner.location,
    get: (...args) => inner.get(...args),
    getIfChanged: (...args) => inner.getIfChanged(...args),
    getRange: (...args) => inner.getRange(...args),
    put: (key, body, condition, options) => inner.put(key, body, change(condition), options),
    putStream: (key, chunks, condition, options) => inner.putStream(key, chunks, change(condition), options),
    list: (...args) => inner.list(...args),
    delete: (...args) => inner.delete(...args),
    close: () => inner.close(),
  };
}
