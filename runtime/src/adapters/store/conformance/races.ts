import assert from "node:assert/strict";
import type { ObjectStore, PutCondition, PutOutcome } from "../../../ports/object-store.ts";
import { bytes, text, write } from "./helpers.ts";
import type { ConformanceCase, ConformanceTarget } from "./target.ts";

const writers = 20;
const incrementsEach = 5;

export const raceCases: readonly ConformanceCase[] = [
  {
    group: "races",
    name: "of 20 concurrent creates exactly one wins, every round",
    async run(target) {
      for (let round = 0; round < target.scale.rounds; round += 1)
        await race(target, `create-${round}`, { kind: "absent" }, `round ${round}`);
    },
  },
  {
    group: "races",
    name: "of 20 concurrent changes from one ETag exactly one wins, every round",
    async run(target) {
      let etag = await write(target.store, "key", "start");
      for (let round = 0; round < target.scale.rounds; round += 1)
        etag = await race(target, "key", { kind: "match", etag }, `round ${round}`);
    },
  },
  {
    group: "races",
    name: "concurrent increments by compare-and-set add up",
    async run(target) {
      await write(target.store, "counter", "0");
      await Promise.all(
        Array.from({ length: writers }, async (_, i) => {
          for (let n = 0; n < incrementsEach; n += 1) await increment(clientOf(target, i), "counter", i);
        }),
      );
      const total = Number(text(await target.store.get("counter"))?.split(" ")[0]);
      assert.equal(total, writers * incrementsEach, "increments were lost or doubled");
    },
  },
  {
    group: "races",
    name: "of concurrent creates and deletes nobody loses an object that it created last",
    async run(target) {
      // Every writer creates, and deletes only what it has created: so creations and deletions alternate.
      let held = 0;
      let most = 0;
      await Promise.all(
        Array.from({ length: writers }, async (_, i) => {
          const client = clientOf(target, i);
          for (let n = 0; n < incrementsEach; n += 1) {
            const outcome = await client.put("lock", bytes(`${i}-${n}`), { kind: "absent" });
            if (outcome.kind !== "written") continue;
            held += 1;
            most = Math.max(most, held);
            assert.equal(text(await client.get("lock")), `${i}-${n}`);
            held -= 1;
            await client.delete("lock");
          }
        }),
      );
      assert.equal(most, 1);
      assert.equal(await target.store.get("lock"), undefined);
    },
  },
];

/** Let all writers write at once; exactly one may win, and its body stays. Gives the winner's ETag. */
async function race(
  target: ConformanceTarget,
  key: string,
  condition: PutCondition,
  what: string,
): Promise<string> {
  const outcomes = await Promise.all(
    Array.from({ length: writers }, (_, i) =>
      clientOf(target, i).put(key, bytes(`${what}, writer ${i}`), condition),
    ),
  );
  const winners = outcomes.flatMap((outcome, i) =>
    outcome.kind === "written" ? [{ i, etag: outcome.etag }] : [],
  );
  assert.equal(winners.length, 1, `${what}: ${winners.length} of ${writers} writers won`);
  assert.deepEqual(unexpected(outcomes), [], `${what}: losers`);
  const winner = winners[0] as { i: number; etag: string };
  const found = await target.store.get(key);
  assert.equal(text(found), `${what}, writer ${winner.i}`);
  assert.equal(found?.etag, winner.etag);
  return winner.etag;
}

function unexpected(outcomes: readonly PutOutcome[]): PutOutcome[] {
  return outcomes.filter((o) => o.kind === "missing");
}

/** The body has the writer, too: equal bytes would have an equal ETag on S3. */
async function increment(client: ObjectStore, key: string, writer: number): Promise<void> {
  for (;;) {
    const found = await client.get(key);
    assert.ok(found !== undefined, "the counter vanished");
    const next = Number(text(found)?.split(" ")[0]) + 1;
    const outcome = await client.put(key, bytes(`${next} by ${writer}`), { kind: "match", etag: found.etag });
    if (outcome.kind === "written") return;
    assert.notEqual(outcome.kind, "missing");
  }
}

function clientOf({ store, peers }: ConformanceTarget, i: number): ObjectStore {
  const clients = [store, ...peers];
  return clients[i % clients.length] as ObjectStore;
}
