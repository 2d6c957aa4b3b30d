import { expect, test } from "@jest/globals";
import { StateBed } from "../../../test/support/state-bed.ts";
import { reapSchedulers } from "../../core/cluster/membership/membership.ts";
import { DriverWatch } from "./driver-watch.ts";

/** Three schedulers, of which the last one looks; `mute` do not answer, `strange` answer as another process. */
async function third() {
  const bed = new StateBed();
  await bed.open("s1");
  await bed.open("s2");
  const state = await bed.open("s3");
  const [mute, strange, asked, changes]: [Set<string>, Set<string>, string[], (string | undefined)[]] = [
    new Set(),
    new Set(),
    [],
    [],
  ];
  const watch = new DriverWatch({
    state,
    clock: bed.clock,
    ask: async ({ scheduler_id: id, instance_id: instance }) => {
      asked.push(id);
      if (mute.has(id)) throw new Error("it does not answer");
      return { instance_id: strange.has(id) ? "another" : instance, counter: 1 };
    },
  });
  const stop = new AbortController();
  const done = watch.watch(() => changes.push(watch.driver), stop.signal);
  // The first look is over.
  while (bed.clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
  const end = async () => {
    stop.abort(new Error("the test ends"));
    await done;
  };
  return { bed, state, watch, mute, strange, asked, changes, end };
}

test("who does not answer for ten seconds drives no more, until it answers again", async () => {
  const { bed, watch, mute, asked, changes, end } = await third();
  await bed.clock.advance(10_000);
  // At rest only the driver is asked.
  expect([watch.driver, new Set(asked), changes]).toEqual(["s1", new Set(["s1"]), []]);
  mute.add("s1");
  await bed.clock.advance(7_500);
  expect(watch.driver).toBe("s1");
  await bed.clock.advance(2_500);
  expect([watch.driver, changes]).toEqual(["s2", ["s2"]]);
  mute.clear();
  await bed.clock.advance(2_500);
  expect([watch.driver, changes]).toEqual(["s1", ["s2", "s1"]]);
  await end();
});

test("several are missed at the same time, and another process under an id is no answer", async () => {
  const { bed, watch, mute, strange, changes, end } = await third();
  await bed.clock.advance(2_500);
  mute.add("s1");
  strange.add("s2");
  await bed.clock.advance(10_000);
  expect([watch.driver, changes]).toEqual(["s3", ["s3"]]);
  await end();
});

test("only turns in a row count", async () => {
  const { bed, watch, mute, changes, end } = await third();
  for (let round = 0; round < 3; round += 1) {
    mute.add("s1");
    await bed.clock.advance(7_500);
    mute.clear();
    await bed.clock.advance(2_500);
  }
  expect([watch.driver, changes]).toEqual(["s1", []]);
  await end();
});

test("what was missed of a process says nothing of the next one under its id", async () => {
  const { bed, state, watch, mute, end } = await third();
  await bed.clock.advance(2_500);
  mute.add("s1");
  await bed.clock.advance(10_000);
  expect(watch.driver).toBe("s2");
  await state.change((document) => ({
    document: reapSchedulers(document, new Map([["s1", "i-s1"]])),
    result: undefined,
  }));
  expect(watch.driver).toBe("s2");
  await bed.clock.advance(2_500);
  await bed.open("s1");
  await state.refresh();
  expect(watch.driver).toBe("s1");
  await end();
});
