import assert from "node:assert/strict";
import { compareKeys } from "../keys.ts";
import { keysBelow, write } from "./helpers.ts";
import type { ConformanceCase } from "./target.ts";

export const listingCases: readonly ConformanceCase[] = [
  {
    group: "listing",
    name: "a prefix is any text, and lists nothing else, in the order of the keys' bytes",
    async run({ store, peers }) {
      const keys = [
        "a",
        "ab/c",
        "ab/c-d",
        "ab/c.txt",
        "ab/ca/x",
        "ab/d",
        "abc",
        "b/a",
        "B/a",
        "é",
        "z",
        "ａ",
        "🦆",
      ];
      for (const key of keys.toReversed()) await write(store, key, key);
      for (const client of [store, ...peers])
        assert.deepEqual(await keysBelow(client, ""), keys.toSorted(compareKeys));
      assert.deepEqual(await keysBelow(store, "ab"), [
        "ab/c",
        "ab/c-d",
        "ab/c.txt",
        "ab/ca/x",
        "ab/d",
        "abc",
      ]);
      assert.deepEqual(await keysBelow(store, "ab/"), ["ab/c", "ab/c-d", "ab/c.txt", "ab/ca/x", "ab/d"]);
      assert.deepEqual(await keysBelow(store, "ab/c"), ["ab/c", "ab/c-d", "ab/c.txt", "ab/ca/x"]);
      assert.deepEqual(await keysBelow(store, "ab/ca/x"), ["ab/ca/x"]);
      assert.deepEqual(await keysBelow(store, "nothing/here"), []);
      assert.deepEqual(await keysBelow(store, "../"), []);
    },
  },
  {
    group: "listing",
    name: "a listed object has its size, its time and the ETag of a read",
    async run({ store }) {
      await write(store, "folder/one", "12345");
      await write(store, "folder/none", "");
      const listed = [];
      for await (const object of store.list("folder/")) listed.push(object);
      assert.deepEqual(
        listed.map(({ key, bytes }) => ({ key, bytes })),
        [
          { key: "folder/none", bytes: 0 },
          { key: "folder/one", bytes: 5 },
        ],
      );
      for (const object of listed) {
        assert.equal(object.etag, (await store.get(object.key))?.etag);
        assert.ok(Number.isFinite(object.lastModifiedMs));
      }
    },
  },
  {
    group: "listing",
    name: "a long listing is complete over all its pages, and may be left early",
    async run({ store, scale }) {
      const keys = Array.from({ length: scale.listed }, (_, i) => `many/${String(i).padStart(5, "0")}`);
      for (let at = 0; at < keys.length; at += 32)
        await Promise.all(keys.slice(at, at + 32).map((key) => write(store, key, key)));
      await write(store, "other", "x");
      assert.deepEqual(await keysBelow(store, "many/"), keys);
      let seen = 0;
      for await (const _ of store.list("many/")) {
        seen += 1;
        if (seen === 3) break;
      }
      assert.equal(seen, 3);
      const stop = new AbortController();
      const reason = new Error("enough");
      await assert.rejects(
        async () => {
          for await (const _ of store.list("many/", { signal: stop.signal })) stop.abort(reason);
        },
        (error) => error === reason,
      );
    },
  },
];
