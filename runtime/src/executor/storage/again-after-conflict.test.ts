import { expect, test } from "@jest/globals";
import { SqlError } from "../../ports/database.ts";
import { SourceError } from "../../ports/source.ts";
import { againAfterConflict } from "./again-after-conflict.ts";

const conflict = new SqlError('TransactionContext Error: Catalog write-write conflict on alter with "x"', {
  category: "TransactionContext",
  sql: "",
});
const wrapped = new SourceError("s3://data/ cannot be read", { cause: conflict, retryable: true });

/** Work that throws these errors, one an attempt, and then succeeds. */
async function attempt(errors: readonly Error[], stop = new AbortController()) {
  const left = [...errors];
  const pauses: number[] = [];
  const warned: string[] = [];
  const done = againAfterConflict(
    async () => {
      const error = left.shift();
      if (error !== undefined) throw error;
      return "done";
    },
    {
      clock: { wallMs: () => 0, monotonicMs: () => 0, sleep: async (ms) => void pauses.push(ms) },
      warn: (message) => warned.push(message),
    },
    stop.signal,
  );
  const outcome = await done.catch((error: Error) => error);
  return { outcome, pauses, warned, left: left.length };
}

test("what met another change is made again at once, also when the conflict is the cause of another error", async () => {
  const { outcome, pauses, warned } = await attempt([conflict, wrapped, conflict]);
  expect([outcome, pauses, warned.length]).toEqual(["done", [20, 50], 3]);
});

test("attempts are bounded", async () => {
  const { outcome, pauses, left } = await attempt(Array(9).fill(conflict));
  expect([outcome, pauses, left]).toEqual([conflict, [20, 50, 100, 200], 3]);
});

test.each([
  ["an error of another kind", new Error("conflict")],
  [
    "a refused checkpoint",
    new SqlError("TransactionContext Error: Cannot CHECKPOINT", { category: "TransactionContext", sql: "" }),
  ],
  ["a name in conflict", new SqlError("Binder Error: conflict", { category: "Binder", sql: "" })],
])("%s is not tried again", async (_name, error) => {
  expect(await attempt([error])).toEqual({ outcome: error, pauses: [], warned: [], left: 0 });
});

test("nothing is tried again after the end", async () => {
  const stop = new AbortController();
  const reason = new Error("the dataset closes");
  stop.abort(reason);
  expect((await attempt([conflict, conflict], stop)).outcome).toBe(reason);
});
