import { describe, expect, test } from "@jest/globals";
import { CLUSTER_KEY, type ClusterDocument, newDocument } from "../../src/core/cluster/document/document.ts";
import { CounterObserver } from "../../src/core/cluster/membership/counter-observer.ts";
import { ExecutorSession } from "../../src/core/cluster/membership/executor-session.ts";
import type { ObjectStore, StoredObject } from "../../src/ports/object-store.ts";
import { SchedulerObserver } from "../../src/scheduler/state/scheduler-observer.ts";
import type { FaultKind } from "./fault-kinds.ts";
import { Simulation, type SimulationOptions } from "./simulation.ts";
import { Violation } from "./truth.ts";

/** The simulator proves itself: each bug is caught within a bounded number of schedules, by the right invariant. */
async function firstViolation(options: Omit<SimulationOptions, "seed">, seeds: number): Promise<string> {
  for (let seed = 1; seed <= seeds; seed += 1) {
    try {
      await new Simulation({ seed, ...options }).run();
    } catch (error) {
      if (error instanceof Violation) return error.message;
      throw error;
    }
  }
  return "nothing was caught";
}

type Get = (key: string, found: StoredObject | undefined) => StoredObject | undefined;

/** A store whose answers to reads are changed on the way. */
function withReads(store: ObjectStore, change: Get): ObjectStore {
  return {
    ...store,
    get: async (key, options) => change(key, await store.get(key, options)),
    getIfChanged: async (key, etag, options) => {
      const found = await store.getIfChanged(key, etag, options);
      return found === "not-modified" ? found : change(key, found);
    },
  };
}

const faults = (...kinds: FaultKind[]) => kinds;

describe("planted bugs", () => {
  test("a blind retry after a lost reply doubles a write", async () => {
    // The client finds the number of its last write that was answered, so it takes each 412 for somebody else's write.
    const store = (inner: ObjectStore, self: { id: string }) => {
      let answered = 0;
      const documentOf = (body: Uint8Array) => JSON.parse(Buffer.from(body).toString()) as ClusterDocument;
      const forgetful = withReads(inner, (key, found) => {
        if (key !== CLUSTER_KEY || found === undefined) return found;
        const document = documentOf(found.body);
        const own = document.schedulers[self.id];
        if (own === undefined) return found;
        const entry = { ...own, last_write_seq: Math.min(answered, own.last_write_seq) };
        const schedulers = { ...document.schedulers, [self.id]: entry };
        return { etag: found.etag, body: Buffer.from(JSON.stringify({ ...document, schedulers })) };
      });
      return {
        ...forgetful,
        async put(...[key, body, condition, options]: Parameters<ObjectStore["put"]>) {
          const result = await inner.put(key, body, condition, options);
          if (key === CLUSTER_KEY) answered = documentOf(body).schedulers[self.id]?.last_write_seq ?? 0;
          return result;
        },
      };
    };
    const options = { bugs: { store }, faults: faults("store-faults"), faultyMs: 40_000 };
    expect(await firstViolation(options, 100)).toMatch(/^doubled write/);
  });

  test("a write without its condition loses another's", async () => {
    const store = (inner: ObjectStore): ObjectStore => ({
      ...inner,
      put: (key, body, condition, options) =>
        inner.put(key, body, condition.kind === "match" ? { kind: "any" } : condition, options),
    });
    const options = { bugs: { store }, schedulers: 3, faults: faults("store-faults") };
    expect(await firstViolation(options, 50)).toMatch(/^(revision went|lost write)/);
  });

  test("an executor that ignores its lease serves on when it is cut off", async () => {
    class Careless extends ExecutorSession {
      #confirmed = false;
      override mayServe(nowMs: number): boolean {
        this.#confirmed ||= super.mayServe(nowMs);
        return this.#confirmed;
      }
    }
    const options = {
      bugs: { session: (o: ConstructorParameters<typeof ExecutorSession>[0]) => new Careless(o) },
      faults: faults("store-outage", "cut-link"),
      faultyMs: 45_000,
    };
    expect(await firstViolation(options, 50)).toMatch(/its lease is over/);
  });

  test("a lease that counts from the answer instead of the confirmation lasts too long", async () => {
    class Late extends ExecutorSession {
      override receive(...[scheduler, message]: Parameters<ExecutorSession["receive"]>) {
        return super.receive(scheduler, message.kind === "beat-answer" ? { ...message, ageMs: 0 } : message);
      }
    }
    const options = {
      bugs: { session: (o: ConstructorParameters<typeof ExecutorSession>[0]) => new Late(o) },
      faults: faults("store-outage", "cut-store"),
      faultyMs: 45_000,
    };
    expect(await firstViolation(options, 50)).toMatch(/its lease is over/);
  });

  test("a takeover that does not wait evicts a living scheduler", async () => {
    class Impatient extends CounterObserver {
      override sawMove(): boolean {
        return false;
      }
      override silentForMs(): number {
        return Number.POSITIVE_INFINITY;
      }
    }
    const options = {
      bugs: {
        observer: (store: ObjectStore, clock: ConstructorParameters<typeof SchedulerObserver>[1]) =>
          new SchedulerObserver(store, clock, new Impatient()),
      },
      faults: faults("twin-scheduler", "kill-scheduler"),
    };
    expect(await firstViolation(options, 50)).toMatch(/lost its registration/);
  });

  test("observations that survive an outage evict a living scheduler", async () => {
    // Failed looks count as silence: during an outage everybody is silent.
    class Stubborn extends CounterObserver {
      override missed(): void {}
      override reset(): void {}
      override see(id: string, incarnation: string, counter: number, nowMs: number): void {
        // And the first look after it is not believed at once.
        if (this.silentForMs(id, incarnation, nowMs) === undefined)
          super.see(id, incarnation, counter, nowMs);
      }
    }
    const options = {
      bugs: {
        observer: (store: ObjectStore, clock: ConstructorParameters<typeof SchedulerObserver>[1]) =>
          new SchedulerObserver(store, clock, new Stubborn()),
      },
      schedulers: 3,
      faults: faults("store-outage", "pause-scheduler"),
      faultyMs: 45_000,
    };
    expect(await firstViolation(options, 50)).toMatch(/lost its registration/);
  });

  test("a document that vanished is created anew", async () => {
    const store = (inner: ObjectStore): ObjectStore => ({
      ...inner,
      put: async (key, body, condition, options) => {
        const outcome = await inner.put(key, body, condition, options);
        if (outcome.kind !== "missing" || key !== CLUSTER_KEY) return outcome;
        const fresh = Buffer.from(JSON.stringify({ ...newDocument("another", 0), revision: 1 }));
        return inner.put(key, fresh, { kind: "absent" }, options);
      },
    });
    const options = { bugs: { store }, faults: faults("vanish"), schedulers: 2 };
    expect(await firstViolation(options, 50)).toMatch(/created a second time/);
  });

  test("an executor that acknowledges an assignment without taking it never converges", async () => {
    class Forgetful extends ExecutorSession {
      override receive(...[scheduler, message]: Parameters<ExecutorSession["receive"]>) {
        // Acknowledges an update without taking it.
        if (message.kind === "update-partitions" && message.assignment.partitions.length > 0) {
          return [
            { kind: "send" as const, scheduler, message: { kind: "ack" as const, command: message.command } },
          ];
        }
        return super.receive(scheduler, message);
      }
    }
    const options = {
      bugs: { session: (o: ConstructorParameters<typeof ExecutorSession>[0]) => new Forgetful(o) },
      faults: faults("clock-jump"),
    };
    expect(await firstViolation(options, 5)).toMatch(/^did not become right/);
  });
});

describe("the same schedules without a bug", () => {
  test.each<[string, readonly FaultKind[]]>([
    ["store faults", ["store-faults"]],
    ["outages", ["store-outage", "cut-link", "cut-store", "pause-scheduler"]],
    ["twins", ["twin-scheduler", "kill-scheduler"]],
    ["a document that vanishes", ["vanish"]],
  ])("%s", async (_, kinds) => {
    expect(await firstViolation({ faults: kinds, faultyMs: 45_000 }, 20)).toBe("nothing was caught");
  });
});
