import { getEventListeners } from "node:events";
import { expect, test } from "@jest/globals";
import { StateBed } from "../../../test/support/state-bed.ts";
import { Registration } from "./registration.ts";

test("keeping a registration through many revisions leaves nothing behind on the process's signal", async () => {
  const bed = new StateBed();
  const state = await bed.open("s1");
  const { last_write_seq: _, ...entry } = state.document.schedulers["s1"]!;
  const registration = new Registration({ state, clock: bed.clock, entry });
  const stop = new AbortController();
  const keeping = registration.keep(stop.signal);
  for (let i = 0; i < 20; i += 1) {
    await state.change((document) => ({ document: { ...document }, result: undefined }));
    await new Promise(setImmediate);
  }
  expect(getEventListeners(stop.signal, "abort")).toHaveLength(1);
  stop.abort();
  await keeping;
  expect(getEventListeners(stop.signal, "abort")).toHaveLength(0);
});
