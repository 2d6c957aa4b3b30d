import { describe, expect, test } from "@jest/globals";
import { MemoryObjects, MemoryStore } from "../../adapters/store/memory.ts";
import { parseRoot } from "../../core/cluster/document/codec.ts";
import { UnsupportedSchemaVersionError } from "../../core/cluster/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import { removeState } from "./remove-state.ts";

const sha = "ab".repeat(32);
const ours = [`app/${sha}.yaml`, `assignments/${sha}.json`, "cluster.json"];
const theirs = ["app/index.html", "assignments/notes.txt", "data/part-0.parquet", "heartbeats.md"];
const beat = "heartbeats/10.0.0.1:50052.json";
const { signal } = new AbortController();

async function setUp(keys: readonly string[] = [...ours, ...theirs]) {
  const objects = new MemoryObjects();
  const store = new MemoryStore(objects);
  const write = (key: string, text = key) => store.put(key, Buffer.from(text), { kind: "any" });
  for (const key of keys) await write(key);
  const left = async () => {
    const found: string[] = [];
    for await (const { key } of store.list("")) found.push(key);
    return found;
  };
  return { objects, store, write, left };
}

/** A clock on which something happens while one waits. */
function clockWith(meanwhile: () => Promise<unknown> = async () => {}): Clock & { slept: number } {
  return {
    slept: 0,
    wallMs: () => 0,
    monotonicMs: () => 0,
    async sleep(ms) {
      this.slept += ms;
      await meanwhile();
    },
  };
}

describe("removeState", () => {
  test("removes what the cluster wrote, its document last, and nothing else", async () => {
    const { store, left } = await setUp();
    const order: string[] = [];
    const watched: ObjectStore = Object.assign(Object.create(store) as ObjectStore, {
      get: store.get.bind(store),
      list: store.list.bind(store),
      put: store.put.bind(store),
      delete: async (key: string) => {
        order.push(key);
        // Until the end no scheduler can begin here.
        const document = await store.get("cluster.json");
        expect(() => parseRoot(document?.body ?? new Uint8Array(), "x")).toThrow(
          UnsupportedSchemaVersionError,
        );
        await store.delete(key);
      },
    });
    const clock = clockWith();
    expect(await removeState(watched, clock, signal)).toBe(3);
    expect(order).toEqual(ours);
    expect(await left()).toEqual(theirs);
    // No scheduler had left a beat, so there was nobody to wait for.
    expect(clock.slept).toBe(0);
    expect(await removeState(store, clock, signal)).toBe(0);
  });

  test("waits whether a beat that was left goes on", async () => {
    const { store, left } = await setUp([...ours, beat]);
    const clock = clockWith();
    expect(await removeState(store, clock, signal)).toBe(4);
    expect(clock.slept).toBe(35_000);
    expect(await left()).toEqual([]);
  });

  test.each([
    ["a beat", beat],
    ["the document", "cluster.json"],
    ["another's beat", "heartbeats/10.0.0.2:50052.json"],
  ])("removes nothing while %s changes", async (_, changes) => {
    const { store, write, left } = await setUp([...ours, beat]);
    const before = await left();
    const clock = clockWith(() => write(changes, "again"));
    await expect(removeState(store, clock, signal)).rejects.toThrow(`is in use: ${changes} changes`);
    expect(await left()).toEqual([...new Set([...before, changes])].sort());
    expect(Buffer.from((await store.get("cluster.json"))?.body ?? []).toString()).not.toContain("removed");
  });

  test("goes on where another call ended, and tells a lost reply from a refusal", async () => {
    const { objects, store, left } = await setUp();
    let faults = 0;
    const failing = new MemoryStore(objects, {
      fault: (operation, key) => {
        if (operation === "put" && key === "cluster.json") return { kind: "lost-reply" };
        if (operation === "delete" && ++faults === 2) return { kind: "unavailable" };
        return undefined;
      },
    });
    await expect(removeState(failing, clockWith(), signal)).rejects.toThrow();
    expect((await left()).filter((key) => ours.includes(key))).toEqual(ours.slice(1));
    expect(await removeState(store, clockWith(), signal)).toBe(2);
    expect(await left()).toEqual(theirs);
  });

  test("removes what is left beside a document that is gone", async () => {
    const { store, left } = await setUp([ours[0]!, ...theirs]);
    expect(await removeState(store, clockWith(), signal)).toBe(1);
    expect(await left()).toEqual(theirs);
  });
});
