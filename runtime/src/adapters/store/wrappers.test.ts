import { expect, test } from "@jest/globals";
import { conformanceCases } from "./conformance.ts";
import { MemoryObjects, MemoryStore, type StoreFault } from "./memory.ts";
import { observed, type StoreCall } from "./observed.ts";

const wrapped = conformanceCases.filter(({ group }) => group !== "faults" && group !== "large");

test.each(wrapped.map((c) => [c.name, c] as const))("an observed store conforms: %s", async (_, { run }) => {
  const objects = new MemoryObjects();
  const view = () => observed(new MemoryStore(objects), () => {}, { monotonicMs: () => 0 });
  await run({
    store: view(),
    peers: [view()],
    scale: { rounds: 3, listed: 50, largeBytes: 1_000 },
  });
});

test("every call is told with its kind, outcome, size and duration", async () => {
  const calls: StoreCall[] = [];
  let now = 0;
  const faults: (StoreFault | undefined)[] = [];
  const inner = new MemoryStore(new MemoryObjects(), {
    fault: () => {
      now += 5;
      return faults.shift();
    },
  });
  const store = observed(inner, (call) => calls.push(call), { monotonicMs: () => now });
  const body = new Uint8Array(7);
  const chunks = async function* () {
    yield body;
    yield body;
  };
  await store.put("a", body, { kind: "absent" });
  await store.put("a", body, { kind: "absent" });
  await store.put("b", body, { kind: "match", etag: "x" });
  const found = await store.get("a");
  await store.get("b");
  await store.getIfChanged("a", found?.etag ?? "");
  await store.getRange("a", 1, 3);
  await store.putStream("c", chunks(), { kind: "any" });
  for await (const _ of store.list(""));
  for await (const _ of store.list("")) break;
  await store.delete("a");
  faults.push({ kind: "conflict" }, { kind: "lost-reply" }, { kind: "unavailable" });
  await store.put("c", body, { kind: "absent" });
  await expect(store.put("c", body, { kind: "any" })).rejects.toThrow();
  await expect(store.get("c")).rejects.toThrow();
  await expect(store.get("c", { signal: AbortSignal.abort() })).rejects.toThrow();

  expect(calls.map(({ operation, outcome, size }) => `${operation} ${outcome} ${size}`)).toEqual([
    "put ok 7",
    "put precondition_failed 0",
    "put missing 0",
    "get ok 7",
    "get missing 0",
    "get_if_changed not_modified 0",
    "get_range ok 3",
    "put_stream ok 14",
    "list ok 2",
    "list ok 1",
    "delete ok 0",
    "put conflict 0",
    "put ambiguous 0",
    "get error 0",
    "get aborted 0",
  ]);
  expect(calls.slice(0, -1).every((call) => call.durationMs === 5)).toBe(true);
});
