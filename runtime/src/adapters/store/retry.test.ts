import { expect, test } from "@jest/globals";
import { AmbiguousWriteError, StoreError } from "../../ports/object-store.ts";
import { Retrier } from "./retry.ts";

const policy = { attempts: 4, baseMs: 100, maxMs: 250, budget: 5 };
const down = () => new StoreError("503", { retryable: true });

function setUp(next: () => number = () => 0.5) {
  const waits: number[] = [];
  const clock = {
    sleep: async (ms: number, signal?: AbortSignal) => {
      signal?.throwIfAborted();
      waits.push(ms);
    },
  };
  return { waits, retrier: new Retrier(clock, { next }, policy) };
}

test("waits grow to a limit and are drawn from zero up", async () => {
  const { waits, retrier } = setUp();
  let calls = 0;
  const result = retrier.run(async () => {
    calls += 1;
    if (calls < 4) throw down();
    return "up";
  });
  expect(await result).toBe("up");
  expect(waits).toEqual([50, 100, 125]);
});

test("attempts end, with the last error", async () => {
  const { waits, retrier } = setUp();
  let calls = 0;
  await expect(
    retrier.run(async () => {
      calls += 1;
      throw new StoreError(`failure ${calls}`, { retryable: true });
    }),
  ).rejects.toThrow("failure 4");
  expect(waits).toHaveLength(3);
});

test.each([
  ["an error that another try cannot mend", new StoreError("403", { retryable: false })],
  ["an ambiguous write", new AmbiguousWriteError("lost")],
  ["an error of the program", new TypeError("oops")],
])("%s is thrown at once", async (_, error) => {
  const { waits, retrier } = setUp();
  await expect(retrier.run(() => Promise.reject(error))).rejects.toBe(error);
  expect(waits).toEqual([]);
});

test("all calls share one budget, and successes fill it again", async () => {
  const { waits, retrier } = setUp();
  const fail = () => retrier.run(() => Promise.reject(down())).catch(() => undefined);
  await fail();
  await fail();
  await fail();
  // Five retries in all, not nine.
  expect(waits).toHaveLength(5);
  for (let i = 0; i < 10; i += 1) await retrier.run(async () => undefined);
  await fail();
  expect(waits).toHaveLength(6);
});

test("an abort ends the waiting, with the signal's reason", async () => {
  const stop = new AbortController();
  const reason = new Error("called off");
  const { retrier } = setUp();
  let calls = 0;
  const result = retrier.run(async () => {
    calls += 1;
    stop.abort(reason);
    throw down();
  }, stop.signal);
  await expect(result).rejects.toBe(reason);
  expect(calls).toBe(1);
});
