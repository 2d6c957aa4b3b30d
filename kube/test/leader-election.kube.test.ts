import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { LeaderElection, leaseStore, systemClock, systemRandom, type TermEnd } from "../src/index.ts";
import { ApiServer } from "./support/api-server.ts";
import { FaultProxy } from "./support/fault-proxy.ts";
import { eventually } from "./support/wait.ts";

const times = { leaseMs: 6000, renewDeadlineMs: 5000, retryMs: 200 };

describe("LeaderElection on a real API server", () => {
  let api: ApiServer;
  let proxy: FaultProxy;
  const candidates: { readonly stop: () => void; readonly ended: Promise<unknown> }[] = [];

  beforeAll(async () => {
    api = await ApiServer.start({ controllers: false });
    proxy = await FaultProxy.start(api);
  });
  afterEach(async () => {
    proxy.heal();
    for (const { stop, ended } of candidates.splice(0)) {
      stop();
      await ended;
    }
  });
  afterAll(async () => {
    await proxy?.stop();
    await api?.stop();
  });

  /** A candidate whose terms are noted as times of one clock. */
  function candidate(namespace: string, identity: string, server = api.url) {
    const stop = new AbortController();
    const terms: { readonly from: number; to: number }[] = [];
    const election = new LeaderElection({
      store: leaseStore(api.client({ server }), namespace, "lock"),
      clock: systemClock,
      random: systemRandom,
      identity,
      ...times,
    });
    const run = async (): Promise<TermEnd | "stopped"> => {
      try {
        return await election.run(stop.signal, async ({ signal }) => {
          const term = { from: performance.now(), to: Number.POSITIVE_INFINITY };
          terms.push(term);
          if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
          term.to = performance.now();
        });
      } catch (error) {
        if (stop.signal.aborted) return "stopped";
        throw error;
      }
    };
    const made = { terms, ended: run(), stop: () => stop.abort(new Error("the test has ended")) };
    candidates.push(made);
    return made;
  }

  it("has one leader, and the next at once when it leaves", async () => {
    const namespace = await api.namespace("lease");
    const one = candidate(namespace, "one");
    await eventually("the first leader", () => one.terms.length === 1);
    const two = candidate(namespace, "two");
    await systemClock.sleep(times.leaseMs + 1000);
    expect(two.terms).toEqual([]);
    expect(one.terms[0]?.to).toBe(Number.POSITIVE_INFINITY);
    const leftAt = performance.now();
    one.stop();
    expect(await one.ended).toBe("released");
    await eventually("the second leader", () => two.terms.length === 1);
    expect((two.terms[0]?.from ?? 0) - leftAt).toBeLessThan(times.leaseMs);
    two.stop();
    expect(await two.ended).toBe("released");
    const lease = await api.kubectl(["get", "lease", "lock", "-n", namespace, "-o", "jsonpath={.spec}"]);
    expect(JSON.parse(lease)).toMatchObject({ holderIdentity: "", leaseTransitions: 2 });
  });

  it("has no two when the leader is cut off", async () => {
    const namespace = await api.namespace("lease");
    const one = candidate(namespace, "one", proxy.url);
    await eventually("the first leader", () => one.terms.length === 1);
    const two = candidate(namespace, "two");
    await systemClock.sleep(500);
    proxy.inject({ fault: { kind: "drop" } });
    proxy.cutAll();
    expect(await one.ended).toBe("lost");
    await eventually("the second leader", () => two.terms.length === 1);
    const [lost, won] = [one.terms[0]?.to ?? 0, two.terms[0]?.from ?? 0];
    expect(won).toBeGreaterThan(lost);
    one.stop();
    two.stop();
    expect(await two.ended).toBe("released");
  });

  it("stays leader of a slow API server, also when an answer gets lost", async () => {
    const namespace = await api.namespace("lease");
    proxy.inject({ fault: { kind: "cut-reply" }, matches: ({ method }) => method === "PUT", times: 1 });
    proxy.inject({ fault: { kind: "delay", ms: 150 } });
    const one = candidate(namespace, "one", proxy.url);
    await eventually("the leader", () => one.terms.length === 1);
    await systemClock.sleep(times.leaseMs + 1000);
    expect(one.terms).toEqual([{ from: expect.any(Number), to: Number.POSITIVE_INFINITY }]);
    one.stop();
    expect(await one.ended).toBe("released");
  });
});
