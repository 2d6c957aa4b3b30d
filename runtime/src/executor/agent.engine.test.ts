import {
  credentials,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import { afterEach, expect, test } from "@jest/globals";
import {
  ClusterServiceService,
  type ControlStreamRequest,
  type ControlStreamResponse,
  type SchedulerInstance,
  type TableAssignment,
} from "@spice-shards/proto";
import { systemClock } from "../adapters/system/clock.ts";
import { systemRandom } from "../adapters/system/random.ts";
import { type AgentHost, ExecutorAgent } from "./agent.ts";

type Stream = ServerDuplexStream<ControlStreamRequest, ControlStreamResponse>;

/** A scheduler that says welcome, answers beats, and notes what it hears. */
class FakeScheduler {
  readonly server = new Server();
  readonly heard: NonNullable<ControlStreamRequest["message"]>[] = [];
  readonly streams: Stream[] = [];
  port = 0;

  async listen(): Promise<this> {
    const controlStream = (stream: Stream) => {
      this.streams.push(stream);
      stream.on("error", () => undefined);
      stream.on("end", () => stream.end());
      stream.on("data", ({ message }: ControlStreamRequest) => {
        if (message === undefined) return;
        this.heard.push(message);
        if (message.$case === "hello") {
          this.send({ $case: "welcome", value: { protocol: 1, revision: 1, clusterId: "c" } });
        }
        if (message.$case === "beat") {
          const { counter } = message.value;
          this.send({ $case: "beatAnswer", value: { counter, revision: 1, confirmationAgeMs: 0 } });
        }
      });
    };
    const { controlStream: definition } = ClusterServiceService;
    this.server.addService(
      { controlStream: definition },
      {
        controlStream: controlStream as UntypedHandleCall,
      },
    );
    this.port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    return this;
  }

  send(message: NonNullable<ControlStreamResponse["message"]>, commandId = ""): void {
    this.streams.at(-1)!.write({ commandId, message });
  }

  count(kind: string): number {
    return this.heard.filter((m) => m.$case === kind).length;
  }

  instance(id: string): SchedulerInstance {
    const advertiseAddress = `127.0.0.1:${this.port}`;
    return { schedulerId: id, advertiseAddress, instanceId: "i", labels: {} };
  }
}

const open: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.stop();
});

async function scheduler(): Promise<FakeScheduler> {
  const fake = await new FakeScheduler().listen();
  open.push({ stop: async () => fake.server.forceShutdown() });
  return fake;
}

function agent(
  schedulers: (signal: AbortSignal) => Promise<readonly SchedulerInstance[]>,
  host: Partial<AgentHost> = {},
  clock = systemClock,
) {
  const stop = new AbortController();
  const told = { held: [] as string[], connections: [] as number[], replaced: "" };
  const made = new ExecutorAgent({
    executorId: "e",
    instanceId: "x",
    advertiseAddress: "e",
    buildVersion: "1",
    lostAfterMs: 15_000,
    credentials: () => credentials.createInsecure(),
    certificates: () => undefined,
    clock,
    random: systemRandom,
    host: {
      hold: ({ table, partitions }) => told.held.push(`${table} ${partitions.map((p) => p.key)}`),
      refresh: async () => undefined,
      appChanged: () => undefined,
      replaced: (reason) => {
        told.replaced = reason;
      },
      connections: (count) => told.connections.push(count),
      ...host,
    },
    schedulers,
    allocate: async () => [],
    log: { info: () => undefined, warn: () => undefined },
  });
  const running = made.run(stop.signal);
  open.push({
    async stop() {
      stop.abort(new Error("the test is over"));
      await running;
    },
  });
  return { agent: made, told };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}

const assignment = (role: string): TableAssignment => ({
  table: "t",
  revision: 2,
  expressions: ["bucket(2, id)"],
  partitions: [{ key: '["0"]', epoch: 2, role, from: "" }],
});

test("joins, gets its lease and its partitions, and says what became of commands", async () => {
  const fake = await scheduler();
  const { agent: joined, told } = agent(async () => [fake.instance("s")], {
    refresh: (table) => (table === "t" ? Promise.resolve() : Promise.reject(new Error("not here"))),
  });
  await until(() => joined.mayServe());
  fake.send({ $case: "updatePartitions", value: assignment("owner") }, "c1");
  const refresh = (table: string) => ({ requestId: table, table, overrides: "{}" });
  fake.send({ $case: "refreshDataset", value: refresh("t") }, "c2");
  fake.send({ $case: "refreshDataset", value: refresh("u") }, "c3");
  await until(() => fake.count("ack") === 3);
  expect(told.held).toEqual(['t ["0"]']);
  const acks = fake.heard.flatMap((m) => (m.$case === "ack" ? [m.value] : []));
  expect(acks).toEqual([
    { commandId: "c1", error: "" },
    { commandId: "c2", error: "" },
    { commandId: "c3", error: "not here" },
  ]);
  expect(told.connections).toEqual([1]);
  fake.send({ $case: "replaced", value: { reason: "another came" } });
  await until(() => told.replaced === "another came");
  expect(joined.mayServe()).toBe(false);
});

test("beats go on while nobody says who the schedulers are", async () => {
  const fake = await scheduler();
  let asked = 0;
  // Ten times as fast, so that the list is asked for again within a second.
  const fast = { ...systemClock, sleep: (ms: number, s?: AbortSignal) => systemClock.sleep(ms / 10, s) };
  const hanging = (signal: AbortSignal) =>
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  agent(
    (signal) => {
      asked += 1;
      return asked === 1 ? Promise.resolve([fake.instance("s")]) : hanging(signal);
    },
    {},
    fast,
  );
  await until(() => asked === 2);
  const before = fake.count("beat");
  await until(() => fake.count("beat") > before + 1);
});

test("a message that it does not understand costs the stream, not the process", async () => {
  const fake = await scheduler();
  const { agent: joined } = agent(async () => [fake.instance("s")]);
  await until(() => joined.mayServe());
  fake.send({ $case: "updatePartitions", value: assignment("emperor") }, "c1");
  await until(() => fake.streams.length === 2);
  await until(() => fake.count("hello") === 2);
  expect(joined.mayServe()).toBe(true);
});

test("follows a scheduler that comes back at another address under its old id", async () => {
  const [old, young] = [await scheduler(), await scheduler()];
  let listed = old;
  const fast = { ...systemClock, sleep: (ms: number, s?: AbortSignal) => systemClock.sleep(ms / 10, s) };
  agent(async () => [listed.instance("s")], {}, fast);
  await until(() => old.count("beat") > 0);
  listed = young;
  await until(() => young.count("beat") > 0);
  const before = old.count("beat");
  await until(() => young.count("beat") > 1);
  expect(old.count("beat")).toBe(before);
});
