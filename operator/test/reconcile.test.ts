import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { key, specOf, World } from "./support/world.ts";

let world: World;

beforeEach(async () => {
  world = new World();
  await world.flush();
});
afterEach(() => world.stop());

test("a new cluster becomes ready, and then nothing is written", async () => {
  world.create(specOf());
  await world.rest();
  expect(world.condition("Ready")).toMatchObject({ status: "True", reason: "AsExpected" });
  const before = world.api.requests.length;
  const { result } = await world.operator.reconcile(key);
  expect(result).toBe("done");
  expect(world.writes(before)).toEqual([]);
});
