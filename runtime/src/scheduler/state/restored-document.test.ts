import { beforeEach, expect, test } from "@jest/globals";
import { StateBed } from "../../../test/support/state-bed.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import type { ClusterState } from "./cluster-state.ts";

const KEY = "cluster.json";
let bed: SlowBed;
/** A store whose answers to conditional reads may be held back on their way. */
class SlowBed extends StateBed {
  held = Promise.resolve();

  override store(): ObjectStore {
    const inner = super.store();
    const getIfChanged: ObjectStore["getIfChanged"] = async (...args) => {
      const { held } = this;
      const found = await inner.getIfChanged(...args);
      await held;
      return found;
    };
    return {
      location: inner.location,
      getIfChanged,
      get: (...args) => inner.get(...args),
      getRange: (...args) => inner.getRange(...args),
      put: (...args) => inner.put(...args),
      putStream: (...args) => inner.putStream(...args),
      list: (...args) => inner.list(...args),
      delete: (...args) => inner.delete(...args),
      close: () => inner.close(),
    };
  }
}

let one: ClusterState;
let two: ClusterState;

beforeEach(async () => {
  bed = new SlowBed();
  one = await bed.open("s1", ["e1"]);
  two = await bed.open("s2");
  await one.refresh();
});

const read = async (): Promise<Uint8Array> => (await bed.store().get(KEY))!.body;
const put = (body: Uint8Array) => bed.store().put(KEY, body, { kind: "any" });
const touch = (state: ClusterState) =>
  state.change((document) => ({ document: { ...document }, result: undefined }));

test("an older version that is put back is neither followed nor written to, and the message says what to do", async () => {
  const old = await read();
  await touch(one);
  const newest = await read();
  const { revision } = one.document;
  await put(old);
  const refused = {
    name: "RestoredDocumentError",
    message: `Cluster document at memory:/cluster.json went back from revision ${revision} to ${revision - 1}: an older version was restored while the cluster ran. Nothing is written to it, and what was known before stays in force. Put revision ${revision} back; to go on from the older version, stop all schedulers and executors, then start them again`,
  };
  await expect(one.refresh()).rejects.toMatchObject(refused);
  const writing = expect(touch(one)).rejects.toMatchObject(refused);
  while (bed.clock.sleeping === 0) await new Promise(setImmediate);
  await bed.clock.advance(2_000);
  await writing;
  expect(Buffer.from(await read()).equals(old)).toBe(true);
  expect(one.document.revision).toBe(revision);
  // As soon as the right one is back, work goes on.
  await put(newest);
  await one.refresh();
  await touch(one);
  expect(one.document.revision).toBe(revision + 1);
});

test("another write in the place of the one that is known is noticed", async () => {
  const old = await read();
  await touch(one);
  const { revision } = one.document;
  await put(old);
  // It knows the older version alone.
  await two.refresh();
  await touch(two);
  expect(two.document.revision).toBe(revision);
  await expect(one.refresh()).rejects.toThrow(`went back from revision ${revision} to ${revision}`);
});

test("an older version that others carried past the known revision is noticed", async () => {
  const old = await read();
  await touch(one);
  const { revision } = one.document;
  await put(old);
  await two.refresh();
  for (let writes = 0; writes < 3; writes += 1) await touch(two);
  const overtaken = await read();
  await expect(one.refresh()).rejects.toMatchObject({
    name: "RestoredDocumentError",
    message: `Cluster document at memory:/cluster.json stands at revision ${revision + 2} but lacks writes of revision ${revision}: an older version was restored while the cluster ran, and other schedulers have written to it since. This scheduler does not, and what it knew before stays in force. Stop all schedulers and executors, then start them again`,
  });
  const writing = expect(touch(one)).rejects.toThrow("lacks writes");
  while (bed.clock.sleeping === 0) await new Promise(setImmediate);
  await bed.clock.advance(2_000);
  await writing;
  expect(Buffer.from(await read()).equals(overtaken)).toBe(true);
});

test("two reads that end out of order are no restore", async () => {
  await touch(one);
  const answer = Promise.withResolvers<void>();
  bed.held = answer.promise;
  const early = two.refresh();
  bed.held = Promise.resolve();
  await touch(one);
  await two.refresh();
  answer.resolve();
  expect((await early).document.revision).toBe(one.document.revision);
});
