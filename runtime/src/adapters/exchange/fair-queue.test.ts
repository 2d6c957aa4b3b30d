import { describe, expect, test } from "@jest/globals";
import { FairQueue } from "./fair-queue.ts";

const open = new AbortController().signal;
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("FairQueue", () => {
  test("takes turns between owners, whatever the number of their fragments", async () => {
    const queue = new FairQueue({ concurrent: 1, waiting: 10 });
    const release = await queue.acquire("first", open);
    const order: string[] = [];
    const enter = (owner: string, name: string) =>
      queue.acquire(owner, open).then((done) => {
        order.push(name);
        done();
      });
    const all = [enter("a", "a1"), enter("a", "a2"), enter("a", "a3"), enter("b", "b1"), enter("c", "c1")];
    await settle();
    expect(order).toEqual([]);
    release();
    await Promise.all(all);
    expect(order).toEqual(["a1", "b1", "c1", "a2", "a3"]);
    expect([queue.running, queue.queued]).toEqual([0, 0]);
  });

  test("refuses when too many wait, and forgets one that gave up", async () => {
    const queue = new FairQueue({ concurrent: 1, waiting: 1 });
    const release = await queue.acquire("a", open);
    const abort = new AbortController();
    const waiting = queue.acquire("b", abort.signal);
    await expect(queue.acquire("c", open)).rejects.toMatchObject({ name: "ResourceExhaustedError" });
    abort.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    release();
    release();
    expect([queue.running, queue.queued]).toEqual([0, 0]);
    (await queue.acquire("c", open))();
  });

  test("does not refuse one that was let in before", async () => {
    const queue = new FairQueue({ concurrent: 1, waiting: 0 });
    const release = await queue.acquire("a", open);
    await expect(queue.acquire("b", open)).rejects.toMatchObject({ name: "ResourceExhaustedError" });
    const again = queue.acquire("b", open, true);
    await settle();
    expect([queue.running, queue.queued]).toEqual([1, 1]);
    release();
    (await again)();
    expect([queue.running, queue.queued]).toEqual([0, 0]);
  });
});
