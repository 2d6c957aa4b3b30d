import { expect, test } from "@jest/globals";
import { conformanceCases } from "./conformance.ts";
import { MemoryObjects, MemoryStore, type StoreFault } from "./memory.ts";
import { observed, type StoreCall } from "./observed.ts";
import { prefixed } from "./prefixed.ts";

const wrapped = conformanceCases.filter(({ group }) => group !== "faults" && group !== "large");

test.each(wrapped.map((c) => [c.name, c] as const))(
  "a view below a prefix conforms: %s",
  async (_, { run }) => {
    const objects = new MemoryObjects();
    const whole = new MemoryStore(objects);
    await whole.put("outside", new Uint8Array([1]), { kind: "any" });
    await whole.put("sub/folderx", new Uint8Array([1]), { kind: "any" });
    const view = () => prefixed(prefixed(new MemoryStore(objects), "sub/"), "folder");
    await run({
      store: view(),
      peers: [view()],
      scale: { rounds: 3, listed: 50, largeBytes: 1_000 },
    });
    expect(objects.objects.has("outside")).toBe(true);
    expect([...objects.objects.keys()].filter((k) => !k.startsWith("sub/folder/"))).toEqual([
      "outside",
      "sub/folderx",
    ]);
  },
);

test("a view names its place, and closing it leaves the store open", async () => {
  const store = new MemoryStore(new MemoryObjects(), { location: "s3://bucket/" });
  const view = prefixed(store, "snapshots/");
  expect(view.location).toBe("s3://bucket/snapshots/");
  await view.close();
  expect(await store.get("x")).toBeUndefined();
  expect(() => prefixed(store, "../up")).toThrow("Invalid object key");
});

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
