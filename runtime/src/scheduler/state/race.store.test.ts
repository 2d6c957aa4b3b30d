import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type S3TestServer, startS3Server } from "../../../test/support/s3-server.ts";
import { openStore } from "../../adapters/store/open.ts";
import { systemClock } from "../../adapters/system/clock.ts";
import { systemRandom } from "../../adapters/system/random.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import { raceSchedulers } from "./testing/race.ts";

describe("twenty schedulers on one cluster.json in S3", () => {
  let server: S3TestServer;
  const stores: ObjectStore[] = [];
  beforeAll(async () => {
    server = await startS3Server();
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await server?.stop();
  });

  test("lose and double nothing", async () => {
    const result = await raceSchedulers({
      openStore: () => {
        const store = openStore(`s3://${server.bucket}/race/`, server.params);
        stores.push(store);
        return store;
      },
      clock: systemClock,
      random: systemRandom,
      schedulers: 20,
      changes: 3,
    });
    expect(Object.keys(result.document.schedulers)).toHaveLength(20);
    expect(result.counted).toBe(result.acknowledged);
    expect(new Set(result.revisions).size).toBe(result.revisions.length);
    expect(result.acknowledged + result.givenUp.length).toBe(60);
  });
});
