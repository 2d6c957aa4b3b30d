import { expect, test } from "@jest/globals";
import { Admission } from "./admission.ts";

const { signal } = new AbortController();
const settled = () => new Promise(setImmediate);

test("lets others run while a query stands aside, and back in after those who came before", async () => {
  const admission = new Admission({ running: 1, waiting: 2 });
  const order: string[] = [];
  const first = await admission.enter(signal);
  const ready = Promise.withResolvers<void>();
  const aside = first.standAside(() => ready.promise, signal).then(() => order.push("first again"));
  const second = await admission.enter(signal);
  const third = admission.enter(signal).then((turn) => {
    order.push("third");
    return turn;
  });
  ready.resolve();
  await settled();
  expect([admission.running, admission.waiting, order]).toEqual([1, 2, []]);
  second.end();
  (await third).end();
  await aside;
  expect(order).toEqual(["third", "first again"]);
  first.end();
  first.end();
  expect([admission.running, admission.waiting]).toEqual([0, 0]);
});

test("bounds those that stand aside by themselves, and refuses without ending the turn", async () => {
  const admission = new Admission({ running: 3, waiting: 1 });
  const [one, two] = [await admission.enter(signal), await admission.enter(signal)];
  const ready = Promise.withResolvers<void>();
  const aside = one.standAside(() => ready.promise, signal);
  await expect(two.standAside(async () => undefined, signal)).rejects.toThrow(
    "1 queries run and 1 wait; retry in a moment",
  );
  ready.resolve();
  await aside;
  expect(admission.running).toBe(2);
  one.end();
  two.end();
  expect(admission.running).toBe(0);
});

test("an aborted wait leaves nothing behind", async () => {
  const admission = new Admission({ running: 1, waiting: 5 });
  const stop = new AbortController();
  const one = await admission.enter(stop.signal);
  const aside = one.standAside(() => new Promise((resolve) => setImmediate(resolve)), stop.signal);
  const other = await admission.enter(signal);
  await settled();
  await settled();
  stop.abort(new Error("left"));
  await expect(aside).rejects.toThrow("left");
  one.end();
  expect([admission.running, admission.waiting]).toEqual([1, 0]);
  other.end();
  expect(admission.running).toBe(0);
});
