import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { KubeObject, ObjectList } from "../client/object.ts";
import { StatusError } from "../client/status-error.ts";
import type { WatchEvent } from "../client/watch-event.ts";
import { FakeStore } from "../testing/fake-store.ts";
import { seededRandom } from "../testing/seeded-random.ts";
import { settle, VirtualClock } from "../testing/virtual-clock.ts";
import type { Random } from "../time/random.ts";
import { type Change, type ObjectSource, Reflector, type ReflectorOptions } from "./reflector.ts";

const collection = "/things";
const thing = (name: string, value = 0): KubeObject & { value: number } => ({
  apiVersion: "v1",
  kind: "Thing",
  metadata: { name, namespace: "ns", labels: { parity: value % 2 === 0 ? "even" : "odd" } },
  value,
});

interface Faults {
  /** Whether an operation of this name fails this time. */
  hit(what: "list" | "page" | "watch" | "drop" | "end" | "replay" | "hang" | "gone" | "bookmark"): boolean;
}
const noFaults: Faults = { hit: () => false };

/** A watch server over a store: pages, and watches that break in every way that `faults` asks for. */
function fakeSource(store: FakeStore, clock: VirtualClock, faults: Faults): ObjectSource<KubeObject> {
  return {
    async list(query, signal): Promise<ObjectList<KubeObject>> {
      await clock.sleep(1, signal);
      if (faults.hit("list")) throw new Error("list failed");
      if (query.continue !== undefined && faults.hit("page")) {
        throw new StatusError(410, { code: 410 }, "list");
      }
      const { at, items } = query.continue
        ? (JSON.parse(query.continue) as { at: number; items: KubeObject[] })
        : { at: store.revision, items: store.list(collection) };
      const limit = query.limit ?? items.length;
      const rest = items.slice(limit);
      const more = rest.length > 0 ? { continue: JSON.stringify({ at, items: rest }) } : {};
      return { metadata: { resourceVersion: `${at}`, ...more }, items: items.slice(0, limit) };
    },
    async watch(query, signal): Promise<AsyncIterable<WatchEvent<KubeObject>>> {
      await clock.sleep(1, signal);
      if (faults.hit("watch")) throw new Error("watch refused");
      let from = Number(query.resourceVersion);
      // A server behind a balancer that sends again what the client has seen.
      if (faults.hit("replay")) from -= 5;
      const first = (() => {
        try {
          return store.since(collection, from);
        } catch (error) {
          if (from < Number(query.resourceVersion))
            return store.since(collection, Number(query.resourceVersion));
          throw error;
        }
      })();
      if (faults.hit("gone")) return errorEvent(410);
      return events(first);

      async function* errorEvent(code: number): AsyncGenerator<WatchEvent<KubeObject>> {
        yield { type: "ERROR", status: { code, reason: "Expired" } };
      }
      async function* events(start: ReturnType<FakeStore["since"]>): AsyncGenerator<WatchEvent<KubeObject>> {
        let pending = start;
        let seen = from;
        for (;;) {
          for (const { type, object, revision } of pending) {
            signal.throwIfAborted();
            if (faults.hit("drop")) throw new Error("connection reset");
            if (faults.hit("end")) return;
            if (faults.hit("hang")) await clock.sleep(10_000_000, signal);
            yield { type, object };
            if (faults.hit("replay")) yield { type, object };
            seen = Math.max(seen, revision);
          }
          if (faults.hit("bookmark")) yield { type: "BOOKMARK", resourceVersion: `${store.revision}` };
          await clock.sleep(20, signal);
          pending = store.since(collection, seen);
        }
      }
    },
  };
}

function setUp(options: Partial<ReflectorOptions<KubeObject>> & { faults?: Faults; store?: FakeStore } = {}) {
  const clock = new VirtualClock(0);
  const store = options.store ?? new FakeStore();
  const changes: Change<KubeObject>[] = [];
  const errors: unknown[] = [];
  const reflector = new Reflector<KubeObject>({
    source: fakeSource(store, clock, options.faults ?? noFaults),
    clock,
    random: seededRandom(2),
    onChange: (change) => changes.push(change),
    onError: (error) => errors.push(error),
    ...options,
  });
  const stop = new AbortController();
  const ended = reflector.run(stop.signal);
  return { clock, store, changes, errors, reflector, stop, ended };
}

const named = (changes: Change<KubeObject>[]) =>
  changes.map(({ type, object }) => `${type} ${object.metadata.name}`);

describe("Reflector", () => {
  it("lists in pages, follows the watch, keeps indexes, and stops with its signal", async () => {
    const store = new FakeStore();
    for (let i = 0; i < 7; i++) store.put(collection, thing(`t${i}`, i));
    const { clock, changes, reflector, stop, ended, errors } = setUp({
      store,
      pageSize: 3,
      indexes: { parity: (object) => [object.metadata.labels?.["parity"] ?? ""] },
    });
    expect(reflector.hasSynced).toBe(false);
    const synced = reflector.synced();
    await clock.advance(100);
    await synced;
    expect(reflector.cache.byIndex("parity", "odd")).toHaveLength(3);
    changes.length = 0;
    store.put(collection, thing("t1", 2));
    store.put(collection, thing("t9", 9));
    store.delete(collection, "ns/t0");
    await clock.advance(100);
    expect(named(changes)).toEqual(["updated t1", "added t9", "deleted t0"]);
    expect(reflector.cache.byIndex("parity", "odd").map(({ metadata }) => metadata.name)).toEqual([
      "t3",
      "t5",
      "t9",
    ]);
    expect(() => reflector.cache.byIndex("colour", "red")).toThrow(RangeError);
    expect(reflector.cache.list("other")).toEqual([]);
    stop.abort(new Error("stop"));
    await ended;
    expect(clock.pending).toBe(0);
    expect(errors).toEqual([]);
  });

  it("lists again after 410 and tells what was deleted or replaced meanwhile", async () => {
    const store = new FakeStore();
    for (const name of ["gone", "kept", "reborn"]) store.put(collection, thing(name));
    let refuse = false;
    let lists = 0;
    const faults: Faults = {
      hit: (what) => {
        if (what === "list") lists += 1;
        return refuse && (what === "drop" || what === "watch");
      },
    };
    const ends: string[] = [];
    const metrics = { watchEnded: (why: string) => ends.push(why) };
    const { clock, changes, reflector, stop, ended } = setUp({ store, faults, metrics });
    await clock.advance(100);
    changes.length = 0;
    refuse = true;
    store.delete(collection, "ns/gone");
    await clock.advance(50);
    store.delete(collection, "ns/reborn");
    store.put(collection, thing("reborn", 5));
    store.compact();
    refuse = false;
    await clock.advance(60_000);
    expect(lists).toBe(2);
    expect([...new Set(ends)]).toEqual(["failed", "expired"]);
    expect(ends.filter((why) => why === "expired")).toHaveLength(1);
    expect(named(changes)).toEqual(["deleted gone", "deleted reborn", "added reborn"]);
    expect([...reflector.cache.keys()].sort()).toEqual(["ns/kept", "ns/reborn"]);
    stop.abort();
    await ended;
  });

  it("ends a watch that is silent and resumes without a new list", async () => {
    let hang = true;
    let lists = 0;
    const ends: string[] = [];
    const faults: Faults = {
      hit: (what) => {
        if (what === "list") lists += 1;
        return what === "hang" && hang;
      },
    };
    const { clock, store, reflector, stop, ended } = setUp({
      faults,
      metrics: { watchEnded: (why) => ends.push(why) },
    });
    await clock.advance(100);
    store.put(collection, thing("a"));
    await clock.advance(100_000);
    expect(reflector.cache.size).toBe(0);
    hang = false;
    await clock.advance(60_000);
    expect(ends).toEqual(["idle"]);
    expect(lists).toBe(1);
    expect(reflector.cache.size).toBe(1);
    stop.abort();
    await ended;
    expect(clock.pending).toBe(0);
  });

  it("goes on after a watch that the server closed, and tells of none that it ended itself", async () => {
    const store = new FakeStore();
    const ends: string[] = [];
    let isEnding = false;
    const faults: Faults = {
      hit: (what) => {
        const hit = isEnding && what === "end";
        if (hit) isEnding = false;
        return hit;
      },
    };
    const metrics = { watchEnded: (why: string) => ends.push(why) };
    const { clock, reflector, stop, ended } = setUp({ store, faults, metrics });
    await clock.advance(2000);
    isEnding = true;
    store.put(collection, thing("a"));
    await clock.advance(100);
    expect(ends).toEqual(["closed"]);
    expect(reflector.cache.size).toBe(1);
    stop.abort();
    await ended;
    expect(ends).toEqual(["closed"]);
  });

  it("backs off from a watch that ends at once, and survives a handler that throws", async () => {
    const clock = new VirtualClock(0);
    let watches = 0;
    const errors: unknown[] = [];
    const reflector = new Reflector<KubeObject>({
      source: {
        list: async () => ({
          metadata: { resourceVersion: "1" },
          items: [{ ...thing("a"), metadata: { name: "a", managedFields: [1] } }],
        }),
        watch: async () => {
          watches += 1;
          return (async function* () {})();
        },
      },
      clock,
      random: seededRandom(1),
      onChange: () => {
        throw new Error("handler");
      },
      onError: (error) => errors.push(error),
    });
    const stop = new AbortController();
    const ended = reflector.run(stop.signal);
    await clock.advance(120_000);
    expect(watches).toBeLessThan(20);
    expect(errors[0]).toMatchObject({ message: "handler" });
    expect(reflector.cache.get("a")?.metadata).toEqual({ name: "a" });
    stop.abort();
    await ended;
    await expect(reflector.synced(AbortSignal.abort(new Error("x")))).rejects.toThrow("x");
  });

  it("has the truth in its cache afterwards, whatever the server does", async () => {
    const kinds = ["list", "page", "watch", "drop", "end", "replay", "hang", "gone"] as const;
    const write = fc.record({
      name: fc.constantFrom("a", "b", "c", "d", "e"),
      value: fc.option(fc.nat(3), { nil: undefined }),
      compact: fc.nat(9).map((n) => n === 0),
      ms: fc.constantFrom(0, 0, 5, 40, 3000),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(write, { maxLength: 40 }),
        fc.nat(),
        fc.subarray([...kinds]),
        async (writes, seed, enabled) => {
          const random: Random = seededRandom(seed);
          let calm = false;
          const faults: Faults = {
            hit: (what) =>
              what === "bookmark"
                ? random.next() < 0.5
                : !calm && (enabled as readonly string[]).includes(what) && random.next() < 0.2,
          };
          const { clock, store, changes, reflector, stop, ended } = setUp({
            faults,
            pageSize: 2,
            idleMs: 5000,
          });
          for (const { name, value, compact, ms } of writes) {
            if (value === undefined) store.delete(collection, `ns/${name}`);
            else store.put(collection, thing(name, value));
            if (compact) store.compact();
            await clock.advance(ms);
          }
          calm = true;
          await clock.advance(70_000);
          const truth = store.list(collection);
          expect(
            reflector.cache.list().sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1)),
          ).toEqual(truth);
          // Whoever follows the changes has the same, and sees each object added once and deleted once.
          const followed = new Map<string, string | undefined>();
          const versions = new Map<string, number>();
          for (const { type, object } of changes) {
            const { name = "", uid, resourceVersion } = object.metadata;
            // Nothing that is told is older than what was told before.
            expect(Number(resourceVersion)).toBeGreaterThanOrEqual(versions.get(name) ?? 0);
            versions.set(name, Number(resourceVersion));
            expect(followed.has(name)).toBe(type !== "added");
            if (type !== "added") expect(followed.get(name)).toBe(uid);
            if (type === "deleted") followed.delete(name);
            else followed.set(name, uid);
          }
          expect([...followed.keys()].sort()).toEqual(truth.map(({ metadata }) => metadata.name));
          stop.abort();
          await ended;
          await settle();
          expect(clock.pending).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });
});
