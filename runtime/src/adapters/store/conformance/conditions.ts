import assert from "node:assert/strict";
import { bytes, etagOf, text, write } from "./helpers.ts";
import type { ConformanceCase } from "./target.ts";

export const conditionCases: readonly ConformanceCase[] = [
  {
    group: "conditions",
    name: "a create succeeds once, and again after a delete",
    async run({ store, peers }) {
      const peer = peers[0] ?? store;
      etagOf(await store.put("key", bytes("one"), { kind: "absent" }));
      assert.deepEqual(await store.put("key", bytes("two"), { kind: "absent" }), {
        kind: "precondition-failed",
      });
      assert.deepEqual(await peer.put("key", bytes("two"), { kind: "absent" }), {
        kind: "precondition-failed",
      });
      assert.equal(text(await peer.get("key")), "one");
      await peer.delete("key");
      etagOf(await store.put("key", bytes("three"), { kind: "absent" }));
      assert.equal(text(await peer.get("key")), "three");
    },
  },
  {
    group: "conditions",
    name: "a change needs the current ETag",
    async run({ store, peers }) {
      const peer = peers[0] ?? store;
      const first = await write(store, "key", "revision 1");
      const second = etagOf(await peer.put("key", bytes("revision 2"), { kind: "match", etag: first }));
      for (const client of [store, peer])
        assert.deepEqual(await client.put("key", bytes("lost"), { kind: "match", etag: first }), {
          kind: "precondition-failed",
        });
      assert.equal(text(await store.get("key")), "revision 2");
      etagOf(await store.put("key", bytes("revision 3"), { kind: "match", etag: second }));
      assert.equal(text(await peer.get("key")), "revision 3");
    },
  },
  {
    group: "conditions",
    name: "a change of an object that is not there is told apart from a stale ETag",
    async run({ store }) {
      assert.deepEqual(await store.put("none", bytes("x"), { kind: "match", etag: '"abc"' }), {
        kind: "missing",
      });
      const etag = await write(store, "gone", "x");
      await store.delete("gone");
      assert.deepEqual(await store.put("gone", bytes("y"), { kind: "match", etag }), { kind: "missing" });
      assert.equal(await store.get("none"), undefined);
      assert.equal(await store.get("gone"), undefined);
    },
  },
  {
    group: "conditions",
    name: "streams are written under the same conditions",
    async run({ store }) {
      const stream = (body: string) =>
        (async function* () {
          for (const character of body) yield bytes(character);
        })();
      const first = etagOf(await store.putStream("key", stream("one"), { kind: "absent" }));
      assert.deepEqual(await store.putStream("key", stream("two"), { kind: "absent" }), {
        kind: "precondition-failed",
      });
      etagOf(await store.putStream("key", stream("three"), { kind: "match", etag: first }));
      assert.deepEqual(await store.putStream("key", stream("four"), { kind: "match", etag: first }), {
        kind: "precondition-failed",
      });
      assert.equal(text(await store.get("key")), "three");
      etagOf(await store.putStream("empty", stream(""), { kind: "absent" }));
      assert.equal(text(await store.get("empty")), "");
    },
  },
  {
    group: "conditions",
    name: "no ETag comes back over many writes that differ",
    async run({ store }) {
      const seen = new Set<string>();
      for (let revision = 0; revision < 50; revision += 1) {
        if (revision % 10 === 9) await store.delete("key");
        seen.add(await write(store, "key", `revision ${revision}`));
      }
      assert.equal(seen.size, 50);
    },
  },
];
