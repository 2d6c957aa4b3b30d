import { beforeEach, expect, test } from "@jest/globals";
import { TestClock } from "../../../test/support/test-clock.ts";
import { type ClusterDocument, newDocument } from "../../core/cluster/document/document.ts";
import { registerExecutor } from "../../core/cluster/membership/membership.ts";
import { BeatWatch } from "./beat-watch.ts";

const tickMs = 1_000;
let clock: TestClock;
let watch: BeatWatch;
const document = (...ids: string[]): ClusterDocument =>
  ids.reduce((d, id) => registerExecutor(d, id, "x"), newDocument("c", 0));
/** Let time pass as it does for a scheduler that is not paused. */
async function pass(ms: number, of = document("e")): Promise<void> {
  for (let left = ms; left > 0; left -= tickMs) {
    await clock.advance(Math.min(left, tickMs));
    expect(watch.look(of)).toBe(false);
  }
}

beforeEach(() => {
  clock = new TestClock();
  watch = new BeatWatch(clock, tickMs);
});

test("an executor that never beat is silent since it was first seen in the document", async () => {
  expect(watch.silentForMs("e", "x")).toBeUndefined();
  watch.look(document("e"));
  await pass(7_000);
  expect(watch.silentForMs("e", "x")).toBe(7_000);
});

test("a beat ends the silence, the same counter again does not, nor does looking", async () => {
  watch.look(document("e"));
  await pass(3_000);
  watch.heard("e", "x", 1);
  expect(watch.silentForMs("e", "x")).toBe(0);
  await pass(4_000);
  watch.heard("e", "x", 1);
  expect(watch.silentForMs("e", "x")).toBe(4_000);
});

test("a control stream that opens ends the silence, of one that never beat too", async () => {
  watch.look(document("e"));
  await pass(9_000);
  watch.greeted("e", "x");
  expect(watch.silentForMs("e", "x")).toBe(0);
});

test("a control stream that opens ends the silence", async () => {
  watch.look(document("e"));
  watch.heard("e", "x", 5);
  await pass(9_000);
  watch.greeted("e", "x");
  expect(watch.silentForMs("e", "x")).toBe(0);
  await pass(2_000);
  expect(watch.silentForMs("e", "x")).toBe(2_000);
});

test("another instance was not watched, and is from the next look on", async () => {
  watch.look(document("e"));
  await pass(9_000);
  expect(watch.silentForMs("e", "y")).toBeUndefined();
  watch.look({ ...document("e"), executors: { e: { instance_id: "y", state: "active" } } });
  expect(watch.silentForMs("e", "y")).toBe(0);
  expect(watch.silentForMs("e", "x")).toBeUndefined();
});

test("an executor that left and came back is watched anew", async () => {
  watch.look(document("e"));
  await pass(9_000);
  watch.look(document());
  watch.look(document("e"));
  expect(watch.silentForMs("e", "x")).toBe(0);
});

test("an observer that was paused says nothing, and then starts anew", async () => {
  watch.look(document("e"));
  await pass(3_000);
  await clock.advance(tickMs + 5_000);
  expect(watch.silentForMs("e", "x")).toBe(9_000);
  await clock.advance(1);
  expect(watch.silentForMs("e", "x")).toBeUndefined();
  expect(watch.look(document("e"))).toBe(true);
  expect(watch.silentForMs("e", "x")).toBe(0);
  await pass(2_000);
  expect(watch.silentForMs("e", "x")).toBe(2_000);
});
