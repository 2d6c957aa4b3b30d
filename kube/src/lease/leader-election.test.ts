import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { StatusError } from "../client/status-error.ts";
import { seededRandom } from "../testing/seeded-random.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import type { Clock } from "../time/clock.ts";
import type { Random } from "../time/random.ts";
import { LeaderElection, type Leadership, type TermEnd } from "./leader-election.ts";
import type { Lease, LeaseStore } from "./lease.ts";
import { microTime } from "./micro-time.ts";

/** The server's side of one Lease. */
class Server {
  lease: Lease | undefined;
  #version = 0;

  write(lease: Lease, create: boolean): Lease {
    const stale = create ? this.lease !== undefined : lease.metadata.resourceVersion !== `${this.#version}`;
    if (stale) throw new StatusError(409, { reason: create ? "AlreadyExists" : "Conflict" }, "write");
    this.#version += 1;
    this.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: `${this.#version}` } };
    return this.lease;
  }
}

/** A host: its clocks are off, it can be paused, and its requests are slow, lost, or answered in vain. */
class Host implements Clock {
  readonly #world: VirtualClock;
  readonly #offset: number;
  #pausedUntil = 0;
  faulty = false;
  down = false;
  readonly #random: Random;

  constructor(world: VirtualClock, offset: number, random: Random) {
    this.#world = world;
    this.#offset = offset;
    this.#random = random;
  }
  wallMs(): number {
    return this.#world.wallMs() - 1000 * this.#offset;
  }
  monotonicMs(): number {
    return this.#world.monotonicMs() + this.#offset;
  }
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await this.#world.sleep(ms, signal);
    await this.awake();
    signal?.throwIfAborted();
  }
  /** A pause is never shortened: whoever sleeps in it wakes at its end. */
  pauseUntil(at: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, at);
  }
  async awake(): Promise<void> {
    for (let left = this.left(); left > 0; left = this.left()) await this.#world.sleep(left);
  }
  left(): number {
    return this.#pausedUntil - this.#world.monotonicMs();
  }
  store(server: Server): LeaseStore {
    const call = async <T>(signal: AbortSignal, effect: () => T): Promise<T> => {
      const delay = () => (this.faulty ? this.#random.next() ** 4 * 14_000 : 5);
      const lot = this.faulty ? this.#random.next() : 1;
      // What was sent arrives although the sender gave up meanwhile.
      const arrived = this.#world.sleep(delay()).then(() => {
        if (this.down || lot < 0.1) throw new Error("lost on the way");
        const answer = effect();
        if (lot < 0.25) throw new Error("the answer was lost");
        return answer;
      });
      arrived.catch(() => {}); // The sender may have gone.
      const gaveUp = new Promise<never>((_, reject) => {
        if (signal.aborted) reject(signal.reason);
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
      try {
        return await Promise.race([
          arrived.finally(() => this.#world.sleep(this.faulty ? delay() : 5)),
          gaveUp,
        ]);
      } finally {
        await this.awake();
      }
    };
    return {
      read: (signal) => call(signal, () => server.lease),
      create: (lease, signal) => call(signal, () => server.write(lease, true)),
      replace: (lease, signal) => call(signal, () => server.write(lease, false)),
    };
  }
}

function candidate(world: VirtualClock, server: Server, name: string, offset: number, seed: number) {
  const random = seededRandom(seed);
  const host = new Host(world, offset, random);
  const election = new LeaderElection({ store: host.store(server), identity: name, clock: host, random });
  const state = { host, leadership: undefined as Leadership | undefined, terms: [] as TermEnd[] };
  const stop = new AbortController();
  const work = async (leadership: Leadership) => {
    state.leadership = leadership;
    await new Promise<void>((resolve) => {
      if (leadership.signal.aborted) resolve();
      leadership.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    state.leadership = undefined;
  };
  const ended = (async () => {
    while (!stop.signal.aborted) {
      try {
        state.terms.push(await election.run(stop.signal, work));
      } catch (error) {
        if (!stop.signal.aborted) throw error;
      }
    }
  })();
  return { name, state, host, stop, ended };
}

describe("LeaderElection", () => {
  it("elects one, who renews; the next takes over at once after a release", async () => {
    const world = new VirtualClock();
    const server = new Server();
    const a = candidate(world, server, "a", 0, 1);
    await world.advance(100);
    const b = candidate(world, server, "b", 7_000_000, 2);
    await world.advance(60_000);
    expect(a.state.leadership?.isValid()).toBe(true);
    expect(b.state.leadership).toBeUndefined();
    expect(server.lease?.spec).toMatchObject({
      holderIdentity: "a",
      leaseDurationSeconds: 15,
      leaseTransitions: 1,
    });
    expect(server.lease?.spec?.renewTime).toMatch(/T\d\d:\d\d:\d\d\.\d{6}Z$/);
    a.stop.abort(new Error("stop"));
    await world.advance(2500);
    expect(a.state.terms).toEqual(["released"]);
    expect(b.state.leadership?.isValid()).toBe(true);
    expect(server.lease?.spec?.leaseTransitions).toBe(2);
    b.stop.abort(new Error("stop"));
    await world.advance(20_000);
    await Promise.all([a.ended, b.ended]);
    expect(server.lease?.spec?.holderIdentity).toBe("");
    expect(world.pending).toBe(0);
  });

  it("stops when another holds the lease, and leaves it alone", async () => {
    const world = new VirtualClock();
    const server = new Server();
    const a = candidate(world, server, "a", 0, 1);
    await world.advance(100);
    const leadership = a.state.leadership;
    // Another writes the lease by force: the leader notices with its next renewal.
    server.write({ ...server.lease!, spec: { ...server.lease!.spec, holderIdentity: "intruder" } }, false);
    await world.advance(3000);
    expect(leadership?.signal.aborted).toBe(true);
    expect(leadership?.isValid()).toBe(false);
    expect(a.state.terms).toEqual(["lost"]);
    a.stop.abort(new Error("stop"));
    await world.advance(20_000);
    await a.ended;
    expect(server.lease?.spec?.holderIdentity).toBe("intruder");
  });

  it("aborts at the renew deadline when its requests fail, before the other may lead", async () => {
    const world = new VirtualClock();
    const server = new Server();
    const a = candidate(world, server, "a", 0, 1);
    await world.advance(100);
    const b = candidate(world, server, "b", 5, 2);
    await world.advance(20_000);
    const leadership = a.state.leadership;
    a.host.down = true;
    const renewedAt = Date.parse(server.lease!.spec!.renewTime!);
    await world.advance(renewedAt + 9900 - world.monotonicMs());
    expect(leadership?.signal.aborted).toBe(false);
    await world.advance(101);
    expect(leadership?.signal.aborted).toBe(true);
    expect(a.state.terms).toEqual(["lost"]);
    expect(b.state.leadership).toBeUndefined();
    await world.advance(10_000);
    expect(b.state.leadership?.isValid()).toBe(true);
    for (const { stop } of [a, b]) stop.abort(new Error("stop"));
    await world.advance(60_000);
    await Promise.all([a.ended, b.ended]);
  });

  it("knows at once that it was paused for too long", async () => {
    const world = new VirtualClock();
    const server = new Server();
    const a = candidate(world, server, "a", 0, 1);
    const b = candidate(world, server, "b", 5, 2);
    await world.advance(10_000);
    const [leader, other] = a.state.leadership ? [a, b] : [b, a];
    leader.host.pauseUntil(world.monotonicMs() + 40_000);
    const leadership = leader.state.leadership;
    await world.advance(30_000);
    expect(leadership?.isValid()).toBe(false);
    expect(other.state.leadership?.isValid()).toBe(true);
    await world.advance(15_000);
    expect(leadership?.signal.aborted).toBe(true);
    for (const { stop } of [a, b]) stop.abort(new Error("stop"));
    await world.advance(60_000);
    await Promise.all([a.ended, b.ended]);
  });

  it("never has two leaders that are valid, and has one again after trouble", async () => {
    const trouble = fc.record({
      ms: fc.integer({ min: 100, max: 20_000 }),
      host: fc.nat(2),
      what: fc.constantFrom("pause" as const, "faults" as const, "heal" as const, "none" as const),
      pauseMs: fc.integer({ min: 1, max: 40_000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(trouble, { maxLength: 12 }), fc.nat(), async (troubles, seed) => {
        const world = new VirtualClock();
        const server = new Server();
        const all = ["a", "b", "c"].map((name, i) => candidate(world, server, name, i * 987_654, seed + i));
        const watch = async (ms: number) => {
          for (let passed = 0; passed < ms; passed += 500) {
            await world.advance(500);
            const valid = all.filter(({ state }) => state.leadership?.isValid());
            expect(valid.length).toBeLessThanOrEqual(1);
            for (const { state, host } of all) {
              const { leadership } = state;
              // Whoever is awake and not valid has been told.
              if (leadership && host.left() <= 0)
                expect(leadership.isValid() || leadership.signal.aborted).toBe(true);
            }
          }
        };
        for (const { ms, host, what, pauseMs } of troubles) {
          const target = all[host]!.host;
          if (what === "pause") target.pauseUntil(world.monotonicMs() + pauseMs);
          else if (what !== "none") target.faulty = what === "faults";
          await watch(ms);
        }
        for (const { host } of all) host.faulty = false;
        await watch(100_000);
        expect(all.filter(({ state }) => state.leadership?.isValid())).toHaveLength(1);
        for (const { stop } of all) stop.abort(new Error("stop"));
        await world.advance(60_000);
        await Promise.all(all.map(({ ended }) => ended));
        expect(server.lease?.spec?.holderIdentity).toBe("");
      }),
      { numRuns: 25 },
    );
  });

  it("refuses times that cannot be safe", () => {
    const world = new VirtualClock();
    const store = new Host(world, 0, seededRandom(1)).store(new Server());
    const options = { store, identity: "a", clock: world, random: seededRandom(1) };
    expect(() => new LeaderElection({ ...options, renewDeadlineMs: 15_000 })).toThrow(RangeError);
    expect(() => new LeaderElection({ ...options, leaseMs: 15_500 })).toThrow(RangeError);
    expect(microTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6))).toBe("2026-01-02T03:04:05.006000Z");
  });
});
