import { describe, expect, test } from "@jest/globals";
import { type ObjectStore, StoreError } from "../../src/ports/object-store.ts";
import { raceSchedulers } from "../../src/scheduler/state/testing/race.ts";
import { Bench } from "./bench.ts";
import { NO_FAULTS } from "./store.ts";

describe("twenty schedulers that race", () => {
  test.each([
    ["on a good store", NO_FAULTS],
    ["with lost replies and conflicts", { lostReply: 0.1, lostRequest: 0.05, late: 0.05, conflict: 0.1 }],
  ])("lose and double nothing %s", async (_, faults) => {
    const bench = new Bench();
    bench.store.faults = faults;
    const race = await bench.run(
      raceSchedulers({
        openStore: () => bench.store.client(bench.process),
        clock: bench.process.clock,
        random: bench.world.random,
        schedulers: 20,
        changes: 3,
      }),
    );
    const unknown = race.givenUp.filter((name) => name !== "ConcurrentModificationError").length;
    expect(race.counted).toBeGreaterThanOrEqual(race.acknowledged);
    expect(race.counted).toBeLessThanOrEqual(race.acknowledged + unknown);
    expect(race.acknowledged + race.givenUp.length).toBe(60);
    expect(race.acknowledged).toBeGreaterThan(50);
    // A write that is found by its number was followed by others: only then two report the same revision.
    const doubles = race.revisions.length - new Set(race.revisions).size;
    expect(doubles).toBeLessThanOrEqual(race.attempts["lost-reply"]);
  });

  test("a store error that is not transient passes through", async () => {
    const bench = new Bench();
    const client = bench.store.client(bench.process);
    const store: ObjectStore = {
      ...client,
      get: async () => {
        throw new StoreError("access denied", { retryable: false });
      },
    };
    await expect(bench.run(bench.state("s:1", "i1", store).open())).rejects.toThrow("access denied");
  });
});
