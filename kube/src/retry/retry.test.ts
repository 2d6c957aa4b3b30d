import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { seededRandom } from "../testing/seeded-random.ts";
import { settle, VirtualClock } from "../testing/virtual-clock.ts";
import { backoffMs } from "./backoff.ts";
import { TokenBucket } from "./token-bucket.ts";

describe("backoffMs", () => {
  it("doubles up to the cap and takes at most the jitter off", () => {
    const policy = { baseMs: 5, capMs: 1000, jitter: 0.3 };
    fc.assert(
      fc.property(fc.nat(5000), fc.nat(), (failures, seed) => {
        const full = Math.min(1000, 5 * 2 ** failures);
        const ms = backoffMs(policy, failures, seededRandom(seed));
        expect(ms).toBeGreaterThan(full * 0.7 - 1e-9);
        expect(ms).toBeLessThanOrEqual(full);
      }),
    );
  });
});

describe("TokenBucket", () => {
  it("never lets more through than burst plus rate", async () => {
    const clock = new VirtualClock(0);
    const bucket = new TokenBucket({ perSecond: 10, burst: 3, clock });
    const at: number[] = [];
    const all = Array.from({ length: 8 }, async () => {
      await bucket.take();
      at.push(clock.monotonicMs());
    });
    await clock.advance(10_000);
    await Promise.all(all);
    expect(at.map(Math.round)).toEqual([0, 0, 0, 100, 200, 300, 400, 500]);
  });

  it("gives a token back when the wait is aborted", async () => {
    const clock = new VirtualClock(0);
    const bucket = new TokenBucket({ perSecond: 1, burst: 1, clock });
    await bucket.take();
    const stop = new AbortController();
    const waiting = bucket.take(stop.signal);
    stop.abort(new Error("stop"));
    await expect(waiting).rejects.toThrow("stop");
    let taken = false;
    const next = bucket.take().then(() => {
      taken = true;
    });
    await clock.advance(999);
    expect(taken).toBe(false);
    await clock.advance(1);
    await settle();
    expect(taken).toBe(true);
    await next;
    expect(bucket.tryTake()).toBe(false);
    expect(() => new TokenBucket({ perSecond: 0, burst: 1, clock })).toThrow(RangeError);
  });
});
