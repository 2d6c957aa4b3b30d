import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { TestProcess } from "../../../test/support/process.ts";
import type { Clock } from "../../ports/clock.ts";
import { systemClock } from "../system/clock.ts";
import { systemRandom } from "../system/random.ts";
import { conformanceCases } from "./conformance.ts";
import { controlFolder, FileStore } from "./file.ts";
import { proveConditionalWrites } from "./prove.ts";

const bytes = (text: string) => Buffer.from(text);
let dir: string;
let children: TestProcess[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "file-store-"));
  children = [];
});

afterEach(async () => {
  await Promise.all(children.map((child) => child.stop(0)));
  await rm(dir, { recursive: true, force: true });
});

function store(options: { clock?: Clock; lockTimeoutMs?: number } = {}): FileStore {
  return new FileStore(join(dir, "root"), { clock: systemClock, random: systemRandom, ...options });
}

function worker(mode: string, count = 0): TestProcess {
  const script = join(import.meta.dirname, "../../../test/support/file-store-worker.ts");
  const args = ["--conditions=source", "--no-warnings", script, mode, join(dir, "root"), String(count)];
  const child = new TestProcess(mode, process.execPath, args, { cwd: dir });
  children.push(child);
  return child;
}

describe("the file store conforms", () => {
  const cases = conformanceCases.filter(({ group }) => group !== "faults");
  test.each(cases.map((c) => [`${c.group}: ${c.name}`, c] as const))("%s", async (_, { run }) => {
    await run({
      store: store(),
      peers: [store(), store()],
      scale: { rounds: 20, listed: 1_050, largeBytes: 12 * 2 ** 20 },
    });
  });
});

test("the proof accepts it, and leaves nothing", async () => {
  await proveConditionalWrites(store(), { random: systemRandom });
  expect(await readdir(join(dir, "root"))).toEqual([controlFolder]);
});

describe("several processes of one host", () => {
  test("add up by compare-and-set", async () => {
    await store().put("counter", bytes("0"), { kind: "absent" });
    const workers = Array.from({ length: 4 }, () => worker("increment", 50));
    await Promise.all(workers.map((w) => w.line(({ msg }) => msg === "done", 60_000)));
    expect(Buffer.from((await store().get("counter"))?.body ?? []).toString()).toBe("200");
  });

  test("wait for the one that writes, but not for one that was killed", async () => {
    await store().put("key", bytes("before"), { kind: "any" });
    const holder = worker("hold");
    await holder.line(({ msg }) => msg === "held");
    const put = (lockTimeoutMs: number, signal?: AbortSignal) =>
      store({ lockTimeoutMs }).put(
        "key",
        bytes("after"),
        { kind: "any" },
        signal === undefined ? {} : { signal },
      );
    await expect(put(100)).rejects.toMatchObject({ name: "StoreError", retryable: true });
    const stop = new AbortController();
    const cancelled = put(10_000, stop.signal);
    setTimeout(() => stop.abort(new Error("called off")), 50);
    await expect(cancelled).rejects.toThrow("called off");
    // Readers need no lock.
    expect((await store().get("key"))?.body.toString()).toBe(bytes("before").toString());

    const waiting = put(30_000);
    holder.kill("SIGKILL");
    const startedMs = performance.now();
    expect(await waiting).toMatchObject({ kind: "written" });
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });

  test("a writer killed at any moment leaves a whole object", async () => {
    const reader = store();
    for (let round = 0; round < 5; round += 1) {
      const writer = worker("write");
      await writer.line(({ msg }) => msg === "writing");
      while ((await reader.get("busy")) === undefined) await systemClock.sleep(2);
      await systemClock.sleep(5 + 7 * round);
      writer.kill("SIGKILL");
      await writer.exited;
      const found = await reader.get("busy");
      expect(found?.body.length).toBe(50_000);
      expect(new Set(found?.body).size).toBe(1);
      expect(
        await reader.put("busy", bytes("mine"), { kind: "match", etag: found?.etag ?? "" }),
      ).toMatchObject({
        kind: "written",
      });
      await reader.delete("busy");
    }
  });
});

describe("files", () => {
  test("are plain, and lie where their keys say", async () => {
    await store().put("a/b.json", bytes("{}"), { kind: "any" });
    expect(await readFile(join(dir, "root/a/b.json"), "utf8")).toBe("{}");
  });

  test("that others put there are objects; a change behind the store's back is a new ETag", async () => {
    await mkdir(join(dir, "root/a"), { recursive: true });
    await writeFile(join(dir, "root/a/b"), "one");
    const found = await store().get("a/b");
    expect(found?.body).toEqual(bytes("one"));
    await writeFile(join(dir, "root/a/b"), "two");
    expect(await store().put("a/b", bytes("three"), { kind: "match", etag: found?.etag ?? "" })).toEqual({
      kind: "precondition-failed",
    });
  });

  test("an ETag never comes back, even when the clock does not move or goes back", async () => {
    let nowMs = Date.now();
    const clock: Clock = { ...systemClock, wallMs: () => nowMs };
    const etags = new Set<string>();
    let writes = 0;
    for (const stepMs of [0, 0, -60_000, 0, -1, 3_600_000, 0, -7_200_000]) {
      nowMs += stepMs;
      for (let i = 0; i < 20; i += 1) {
        // A store of its own each time, as after a restart; equal bytes; sometimes the object is new.
        const outcome = await store({ clock }).put("key", bytes("same"), { kind: "any" });
        if (outcome.kind === "written") etags.add(outcome.etag);
        writes += 1;
        if (i % 5 === 0) await store({ clock }).delete("key");
      }
    }
    expect(etags.size).toBe(writes);
  });

  test("an ETag is the same after a restart", async () => {
    const outcome = await store().put("key", bytes("x"), { kind: "any" });
    expect(await store().get("key")).toMatchObject({ etag: (outcome as { etag: string }).etag });
  });

  test("left unfinished by dead writers go, those being written stay", async () => {
    await store().put("key", bytes("x"), { kind: "any" });
    const unfinished = join(dir, "root", controlFolder, "tmp");
    await writeFile(join(unfinished, "old"), "x");
    await writeFile(join(unfinished, "young"), "x");
    const longAgo = Date.now() / 1000 - 7_200;
    await utimes(join(unfinished, "old"), longAgo, longAgo);
    await store().put("key", bytes("y"), { kind: "any" });
    expect(await readdir(unfinished)).toEqual(["young"]);
  });

  test("of failed writes go at once", async () => {
    const unfinished = join(dir, "root", controlFolder, "tmp");
    await store().put("key", bytes("x"), { kind: "any" });
    await store().put("key", bytes("y"), { kind: "absent" });
    const failing = async function* () {
      yield bytes("part");
      throw new Error("the source broke");
    };
    await expect(store().putStream("other", failing(), { kind: "any" })).rejects.toThrow("the source broke");
    expect(await readdir(unfinished)).toEqual([]);
  });

  test("the store's own folder is no object, and out of reach", async () => {
    await store().put("key", bytes("x"), { kind: "any" });
    const keys = [];
    for await (const object of store().list("")) keys.push(object.key);
    for await (const object of store().list(`${controlFolder}/`)) keys.push(object.key);
    expect(keys).toEqual(["key"]);
    await expect(store().get(`${controlFolder}/lock`)).rejects.toThrow("the store's own");
    await expect(store().put(`${controlFolder}/latest`, bytes("x"), { kind: "any" })).rejects.toThrow(
      "the store's own",
    );
  });

  test("a key below an object is an error that says so, not a lost object", async () => {
    await store().put("a", bytes("x"), { kind: "any" });
    await store().put("b/c", bytes("x"), { kind: "any" });
    expect(await store().get("a/below")).toBeUndefined();
    expect(await store().get("b")).toBeUndefined();
    await expect(store().put("a/below", bytes("y"), { kind: "any" })).rejects.toMatchObject({
      name: "StoreError",
      retryable: false,
    });
    await expect(store().put("b", bytes("y"), { kind: "absent" })).rejects.toMatchObject({
      name: "StoreError",
      retryable: false,
    });
    expect((await store().get("a"))?.body).toEqual(bytes("x"));
    expect((await store().get("b/c"))?.body).toEqual(bytes("x"));
  });

  test("a place that cannot be written is an error of the store", async () => {
    await writeFile(join(dir, "root"), "a file");
    await expect(store().put("key", bytes("x"), { kind: "any" })).rejects.toMatchObject({
      name: "StoreError",
    });
  });
});
