import assert from "node:assert/strict";
import { StoreError } from "../../../ports/object-store.ts";
import { assertSameBytes, bytes, keysBelow, pattern, text, write } from "./helpers.ts";
import type { ConformanceCase } from "./target.ts";

export const objectCases: readonly ConformanceCase[] = [
  {
    group: "objects",
    name: "an object that was never written is absent for every read",
    async run({ store }) {
      assert.equal(await store.get("none"), undefined);
      assert.equal(await store.get("no/such/folder/none"), undefined);
      assert.equal(await store.getIfChanged("none", '"x"'), undefined);
      assert.equal(await store.getRange("none", 0, 1), undefined);
      assert.deepEqual(await keysBelow(store, ""), []);
    },
  },
  {
    group: "objects",
    name: "every client reads what one has written, with the same ETag",
    async run({ store, peers }) {
      const etag = await write(store, "folder/object.json", "one");
      for (const client of [store, ...peers]) {
        const found = await client.get("folder/object.json");
        assert.equal(text(found), "one");
        assert.equal(found?.etag, etag);
      }
      const second = await write(peers[0] ?? store, "folder/object.json", "two");
      assert.notEqual(second, etag);
      assert.equal(text(await store.get("folder/object.json")), "two");
    },
  },
  {
    group: "objects",
    name: "a read under the current ETag has no body, under another one it has",
    async run({ store }) {
      const first = await write(store, "key", "one");
      assert.equal(await store.getIfChanged("key", first), "not-modified");
      const second = await write(store, "key", "two");
      const changed = await store.getIfChanged("key", first);
      assert.ok(changed !== undefined && changed !== "not-modified");
      assert.equal(text(changed), "two");
      assert.equal(changed.etag, second);
    },
  },
  {
    group: "objects",
    name: "bodies come back byte for byte: empty, one byte, 5 MB",
    async run({ store }) {
      for (const length of [0, 1, 5_000_000]) {
        const body = pattern(length);
        await write(store, `body-${length}`, body);
        assertSameBytes((await store.get(`body-${length}`))?.body, body, `${length} bytes`);
      }
    },
  },
  {
    group: "objects",
    name: "the caller may reuse its buffer after a write, and change what it read",
    async run({ store }) {
      const body = bytes("before");
      await store.put("key", body, { kind: "any" });
      body.fill(0);
      const found = await store.get("key");
      assert.equal(text(found), "before");
      found?.body.fill(0);
      assert.equal(text(await store.get("key")), "before");
    },
  },
  {
    group: "objects",
    name: "ranges are cut at the object's end",
    async run({ store }) {
      await write(store, "key", "0123456789");
      const range = async (start: number, length: number) => text(await store.getRange("key", start, length));
      assert.equal(await range(0, 10), "0123456789");
      assert.equal(await range(0, 1), "0");
      assert.equal(await range(3, 4), "3456");
      assert.equal(await range(9, 1), "9");
      assert.equal(await range(8, 100), "89");
      assert.equal(await range(10, 1), "");
      assert.equal(await range(1_000, 5), "");
      assert.equal(await range(4, 0), "");
      await write(store, "empty", "");
      assert.equal(text(await store.getRange("empty", 0, 5)), "");
    },
  },
  {
    group: "objects",
    name: "delete removes, and is content when there is nothing",
    async run({ store, peers }) {
      await write(store, "a/b/c", "x");
      await write(store, "a/b/d", "y");
      await store.delete("a/b/c");
      await store.delete("a/b/c");
      await store.delete("never/was");
      for (const client of [store, ...peers]) assert.equal(await client.get("a/b/c"), undefined);
      assert.equal(text(await store.get("a/b/d")), "y");
      await store.delete("a/b/d");
      assert.deepEqual(await keysBelow(store, ""), []);
      // What was a folder may become an object, and the other way round.
      await write(store, "a/b", "z");
      assert.equal(text(await store.get("a/b")), "z");
    },
  },
  {
    group: "objects",
    name: "keys with spaces, unicode, % and + name what they say",
    async run({ store }) {
      const keys = [
        "with space/and  two",
        "percent%20encoded",
        "percent%",
        "plus+sign",
        "a&b=c?d#e",
        "quote'\"<>",
        "grün/日本語/🦆.json",
        "~tilde!$(),;:@[]{}|^`",
        "key=value/bucket(3, id)=0",
      ];
      for (const key of keys) await write(store, key, `body of ${key}`);
      for (const key of keys) assert.equal(text(await store.get(key)), `body of ${key}`);
      assert.deepEqual((await keysBelow(store, "")).toSorted(), keys.toSorted());
      assert.deepEqual(await keysBelow(store, "percent%2"), ["percent%20encoded"]);
      for (const key of keys) await store.delete(key);
      assert.deepEqual(await keysBelow(store, ""), []);
    },
  },
  {
    group: "objects",
    name: "keys that not every store can keep are refused",
    async run({ store }) {
      const refused = [
        "",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/../b",
        "a/./b",
        "a\nb",
        "a\0b",
        "a\\b",
        "x".repeat(1025),
      ];
      for (const key of refused) {
        for (const call of [
          () => store.get(key),
          () => store.put(key, bytes("x"), { kind: "any" }),
          () => store.delete(key),
        ])
          await assert.rejects(
            call,
            (error) => error instanceof StoreError && !error.retryable,
            `key ${JSON.stringify(key)} was accepted`,
          );
      }
    },
  },
  {
    group: "objects",
    name: "a signal that is aborted already stops every call before it does anything",
    async run({ store }) {
      await write(store, "key", "kept");
      const reason = new Error("called off");
      const signal = AbortSignal.abort(reason);
      const calls = [
        () => store.get("key", { signal }),
        () => store.getIfChanged("key", '"x"', { signal }),
        () => store.getRange("key", 0, 1, { signal }),
        () => store.put("key", bytes("new"), { kind: "any" }, { signal }),
        () => store.putStream("key", chunksOf("new"), { kind: "any" }, { signal }),
        () => store.delete("key", { signal }),
        async () => {
          for await (const _ of store.list("", { signal })) assert.fail("the listing went on");
        },
      ];
      for (const call of calls) await assert.rejects(call, (error) => error === reason);
      assert.equal(text(await store.get("key")), "kept");
    },
  },
];

async function* chunksOf(...chunks: string[]): AsyncIterable<Uint8Array> {
  for (const chunk of chunks) yield bytes(chunk);
}
