import assert from "node:assert/strict";
import { AmbiguousWriteError, type ObjectStore, StoreError } from "../../../ports/object-store.ts";
import { bytes, etagOf, text, write } from "./helpers.ts";
import type { ConformanceCase, FaultControl } from "./target.ts";

const isAmbiguous = (error: unknown) => error instanceof AmbiguousWriteError;

export const faultCases: readonly ConformanceCase[] = [
  {
    group: "faults",
    name: "a write whose reply is lost is ambiguous, is not repeated, and happened once",
    run: withFaults(async (faults, store) => {
      faults.loseReplies(1);
      await assert.rejects(faults.store.put("key", bytes("one"), { kind: "absent" }), isAmbiguous);
      const found = await store.get("key");
      assert.equal(text(found), "one");

      faults.loseReplies(1);
      const change = faults.store.put("key", bytes("two"), { kind: "match", etag: found?.etag ?? "" });
      await assert.rejects(change, isAmbiguous);
      assert.equal(text(await store.get("key")), "two");
    }),
  },
  {
    group: "faults",
    name: "a write whose request is lost is ambiguous, and did not happen",
    run: withFaults(async (faults, store) => {
      faults.loseRequests(1);
      await assert.rejects(faults.store.put("key", bytes("one"), { kind: "absent" }), isAmbiguous);
      assert.equal(await store.get("key"), undefined);
    }),
  },
  {
    group: "faults",
    name: "a counter with numbered writes adds up although many replies and requests are lost",
    run: withFaults(async (faults, store) => {
      await write(store, "counter", JSON.stringify({ total: 0, seq: 0 }));
      let ambiguous = 0;
      for (let seq = 1; seq <= 30; seq += 1) {
        if (seq % 3 === 0) faults.loseReplies(1);
        if (seq % 5 === 0) faults.loseRequests(1);
        for (let committed = false; !committed; ) {
          const found = await store.get("counter");
          const state = JSON.parse(text(found) ?? "") as { total: number; seq: number };
          // Reading back tells whether the write before, whose reply was lost, has happened.
          if (state.seq === seq) break;
          const next = bytes(JSON.stringify({ total: state.total + 1, seq }));
          try {
            const outcome = await faults.store.put("counter", next, {
              kind: "match",
              etag: found?.etag ?? "",
            });
            assert.equal(outcome.kind, "written");
            committed = true;
          } catch (error) {
            if (!isAmbiguous(error)) throw error;
            ambiguous += 1;
          }
        }
      }
      assert.deepEqual(JSON.parse(text(await store.get("counter")) ?? ""), { total: 30, seq: 30 });
      assert.ok(ambiguous >= 14, `only ${ambiguous} writes were ambiguous: the faults did not strike`);
    }),
  },
  {
    group: "faults",
    name: "409 is told apart from 412: nothing was written, and the same request may be sent again",
    run: withFaults(async (faults, store) => {
      faults.conflict(1);
      assert.deepEqual(await faults.store.put("key", bytes("one"), { kind: "absent" }), { kind: "conflict" });
      assert.equal(await store.get("key"), undefined);
      const etag = etagOf(await faults.store.put("key", bytes("one"), { kind: "absent" }));
      faults.conflict(1);
      const change = () => faults.store.put("key", bytes("two"), { kind: "match", etag });
      assert.deepEqual(await change(), { kind: "conflict" });
      assert.equal(text(await store.get("key")), "one");
      etagOf(await change());
      assert.deepEqual(await change(), { kind: "precondition-failed" });
    }),
  },
  {
    group: "faults",
    name: "a refused conditional write is not repeated by the store",
    run: withFaults(async (faults, store) => {
      faults.refuse(1);
      await assert.rejects(
        faults.store.put("key", bytes("one"), { kind: "absent" }),
        (error) => error instanceof StoreError && error.retryable && !isAmbiguous(error),
      );
      assert.equal(await store.get("key"), undefined);
      etagOf(await faults.store.put("key", bytes("one"), { kind: "absent" }));
    }),
  },
];

function withFaults(
  run: (faults: FaultControl, store: ObjectStore) => Promise<void>,
): ConformanceCase["run"] {
  return async ({ faults, store }) => {
    assert.ok(faults !== undefined, "this target has no faults; leave the group out");
    try {
      await run(faults, store);
    } finally {
      faults.heal();
    }
  };
}
