import { describe, expect, test } from "@jest/globals";
import { AmbiguousWriteError } from "../../ports/object-store.ts";
import { type ConformanceTarget, conformanceCases } from "./conformance.ts";
import { MemoryObjects, MemoryStore, type StoreFault } from "./memory.ts";

describe("the memory store conforms", () => {
  test.each(conformanceCases.map((c) => [`${c.group}: ${c.name}`, c] as const))("%s", async (_, { run }) => {
    await run(target());
  });
});

test("a fault that waits lets other clients go first, and an abort meanwhile prevents the write", async () => {
  const objects = new MemoryObjects();
  const gate = Promise.withResolvers<undefined>();
  const slow = new MemoryStore(objects, { fault: () => gate.promise });
  const fast = new MemoryStore(objects);
  const stop = new AbortController();
  const late = slow.put("key", new Uint8Array([1]), { kind: "absent" });
  const cancelled = slow.put("other", new Uint8Array([1]), { kind: "absent" }, { signal: stop.signal });
  expect(await fast.put("key", new Uint8Array([2]), { kind: "absent" })).toMatchObject({ kind: "written" });
  stop.abort(new Error("called off"));
  gate.resolve(undefined);
  expect(await late).toEqual({ kind: "precondition-failed" });
  await expect(cancelled).rejects.toThrow("called off");
  expect(await fast.get("other")).toBeUndefined();
});

test("a closed store refuses", async () => {
  const store = new MemoryStore();
  await store.close();
  await store.close();
  await expect(store.get("key")).rejects.toThrow("closed");
});

test("an ambiguous write is an error of its own", async () => {
  const store = new MemoryStore(new MemoryObjects(), { fault: () => ({ kind: "lost-reply" }) });
  await expect(store.put("key", new Uint8Array(), { kind: "any" })).rejects.toBeInstanceOf(
    AmbiguousWriteError,
  );
});

function target(): ConformanceTarget {
  const objects = new MemoryObjects();
  let planned: StoreFault[] = [];
  const plan = (kind: StoreFault["kind"]) => (times: number) => {
    for (let i = 0; i < times; i += 1) planned.push({ kind });
  };
  return {
    store: new MemoryStore(objects),
    peers: [new MemoryStore(objects), new MemoryStore(objects)],
    faults: {
      store: new MemoryStore(objects, { fault: () => planned.shift() }),
      loseReplies: plan("lost-reply"),
      loseRequests: plan("lost-request"),
      refuse: plan("unavailable"),
      conflict: plan("conflict"),
      heal: () => {
        planned = [];
      },
    },
    scale: { rounds: 10, listed: 1_100, largeBytes: 1_000_000 },
  };
}
