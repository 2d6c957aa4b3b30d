import { expect, test } from "@jest/globals";
import { UnitKeeper } from "./unit-keeper.ts";

/** A keeper over an engine that writes down what it is told, and a line in which work waits until `next`. */
function keeper() {
  const told: string[] = [];
  const line: (() => Promise<void>)[] = [];
  const units = new UnitKeeper({
    accelerator: {
      recordUnits: async (_, records) => void told.push(`record ${records.length}`),
      settle: async (_, values) => void told.push(`settle ${values.join()}`),
    },
    dataset: () => ({ name: "t" }) as ReturnType<ConstructorParameters<typeof UnitKeeper>[0]["dataset"]>,
    warn: (message) => told.push(message),
  });
  const serial = (work: () => Promise<void>) =>
    new Promise<void>((resolve, reject) => line.push(() => work().then(resolve, reject)));
  return { told, units, serial, next: () => line.shift()!(), waiting: () => line.length };
}

test("what comes while some wait settles and is written down with them, what comes later anew", async () => {
  const { told, units, serial, next, waiting } = keeper();
  for (const value of ["a", "b", "c"]) units.settle([[value]], serial, () => []);
  expect([told, waiting()]).toEqual([[], 1]);
  await next();
  expect(told).toEqual(["record 0", "settle a,b,c"]);
  units.settle([["d"]], serial);
  await next();
  await units.settled;
  expect(told.slice(2)).toEqual(["settle d"]);
});

test("a failure is told, and the next ones settle", async () => {
  const { told, units, serial, next } = keeper();
  units.settle([["a"]], async (work) => {
    await work();
    throw new Error("disk full");
  });
  await units.settled;
  expect(told).toEqual(["settle a", "The files of t were not settled"]);
  units.settle([["b"]], serial);
  await next();
  expect(told.at(-1)).toBe("settle b");
});
