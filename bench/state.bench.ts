/** B18 and B19: writes per commit with two schedulers, lost or doubled changes under faults, and the cost at rest. */
import { setTimeout as delay } from "node:timers/promises";
import { MemoryObjects, MemoryStore } from "../runtime/src/adapters/store/memory.ts";
import type { Clock } from "../runtime/src/ports/clock.ts";
import { raceSchedulers } from "../runtime/src/scheduler/state/testing/race.ts";
import { TestCluster } from "../runtime/test/support/cluster.ts";
import { FaultProxy } from "../runtime/test/support/fault-proxy.ts";
import { startS3Server } from "../runtime/test/support/s3-server.ts";
import type { Figure } from "./figure.ts";

export async function run(): Promise<readonly Figure[]> {
  return [...(await commits()), ...(await atRest())];
}

async function commits(): Promise<Figure[]> {
  const seeds = Number(process.env["SEEDS"] ?? 1_000);
  let [puts, committed, wrong] = [0, 0, 0];
  for (let seed = 1; seed <= seeds; seed++) {
    const random = seeded(seed);
    const objects = new MemoryObjects();
    const result = await raceSchedulers({
      openStore: () =>
        new MemoryStore(objects, {
          fault: async (operation) => {
            // A network in between, so that writes really overlap.
            await delay(0);
            return operation === "put" && random.next() < 0.1 ? { kind: "lost-reply" } : undefined;
          },
        }),
      clock: clock(random.next() < 0.5 ? -3_600_000 : 3_600_000),
      random,
      schedulers: 2,
      changes: 5,
    });
    puts += result.attempts.committed + result.attempts.conflict + result.attempts["lost-reply"];
    committed += result.attempts.committed + result.attempts["lost-reply"];
    if (result.counted !== result.acknowledged) wrong += 1;
  }
  return [
    {
      name: `B18 PUTs per commit, 2 schedulers, ${seeds} seeds, 10 % lost replies`,
      value: puts / committed,
      unit: "",
      aim: "≤ 1.3",
    },
    { name: "B18 runs with lost or doubled changes", value: wrong, unit: "", aim: "0" },
  ];
}

async function atRest(): Promise<Figure[]> {
  const seconds = Number(process.env["SECONDS"] ?? 120);
  const server = await startS3Server();
  const proxy = await FaultProxy.start(server.endpoint);
  const params = Object.entries({ ...server.params, endpoint: proxy.url })
    .map(([name, value]) => `${name}: "${value}"`)
    .join(", ");
  let cluster: TestCluster | undefined;
  try {
    cluster = await TestCluster.start({
      executors: 1,
      stateLocation: `s3://${server.bucket}/state/`,
      spicepod: `version: v1
kind: Spicepod
name: rest
runtime:
  scheduler:
    state_location: "STATE"
    params: { ${params} }
datasets: []
`,
    });
    await delay(15_000);
    const before = proxy.seen.length;
    await delay(seconds * 1_000);
    const requests = proxy.seen.slice(before);
    return [
      {
        name: "B19 store requests per scheduler and minute at rest",
        value: (requests.length * 60) / seconds,
        unit: "",
        aim: "≤ 8",
      },
    ];
  } finally {
    await cluster?.stop();
    await proxy.stop();
    await server.stop();
  }
}

function clock(skewMs: number): Clock {
  return {
    wallMs: () => Date.now() + skewMs,
    monotonicMs: () => performance.now(),
    // Back-off without waiting: only the order of events counts here.
    sleep: async (_ms, signal) => {
      await delay(0);
      signal?.throwIfAborted();
    },
  };
}

function seeded(seed: number) {
  let state = seed >>> 0;
  return {
    next: () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    },
    uuid: () => crypto.randomUUID(),
  };
}
