import assert from "node:assert/strict";
import { assertSameBytes, etagOf, keysBelow, pattern, write } from "./helpers.ts";
import type { ConformanceCase } from "./target.ts";

const chunkBytes = 300_000;

export const largeCases: readonly ConformanceCase[] = [
  {
    group: "large",
    name: "a large stream arrives whole, under its condition",
    async run({ store, scale }) {
      const create = () => store.putStream("large", chunks(scale.largeBytes), { kind: "absent" });
      const etag = etagOf(await create());
      const whole = pattern(scale.largeBytes);
      assertSameBytes((await store.get("large"))?.body, whole, "whole object");
      const middle = Math.floor(scale.largeBytes / 2) - 7;
      assertSameBytes(await store.getRange("large", middle, 15), whole.slice(middle, middle + 15), "range");
      assert.deepEqual(await create(), { kind: "precondition-failed" });
      await write(store, "large", "small now");
      assert.deepEqual(
        await store.putStream("large", chunks(scale.largeBytes), { kind: "match", etag }),
        { kind: "precondition-failed" },
        "a stale ETag",
      );
      assert.deepEqual(await keysBelow(store, ""), ["large"]);
    },
  },
  {
    group: "large",
    name: "of concurrent large creates exactly one wins",
    async run({ store, peers, scale }) {
      const outcomes = await Promise.all(
        [store, ...peers].map((client) =>
          client.putStream("large", chunks(scale.largeBytes), { kind: "absent" }),
        ),
      );
      assert.equal(outcomes.filter((o) => o.kind === "written").length, 1);
      assertSameBytes((await store.get("large"))?.body, pattern(scale.largeBytes), "winner");
    },
  },
  {
    group: "large",
    name: "a stream that fails or is called off leaves nothing that is listed",
    async run({ store, scale }) {
      // An error like those of files and sockets, so that a store might take it for its own.
      const broken = Object.assign(new Error("the source broke"), { code: "ENOENT" });
      const failing = async function* () {
        yield* chunks(scale.largeBytes);
        throw broken;
      };
      await assert.rejects(store.putStream("failed", failing(), { kind: "any" }), (e) => e === broken);

      const stop = new AbortController();
      const reason = new Error("called off");
      let ended = false;
      const endless = async function* () {
        try {
          for (let sent = 0; ; sent += chunkBytes) {
            if (sent > scale.largeBytes) stop.abort(reason);
            yield pattern(chunkBytes, sent);
          }
        } finally {
          ended = true;
        }
      };
      await assert.rejects(
        store.putStream("aborted", endless(), { kind: "any" }, { signal: stop.signal }),
        (e) => e === reason,
      );
      assert.ok(ended, "the source was not closed");
      assert.deepEqual(await keysBelow(store, ""), []);
    },
  },
];

async function* chunks(total: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let sent = 0; sent < total; sent += chunkBytes)
    yield pattern(Math.min(chunkBytes, total - sent), sent);
}
