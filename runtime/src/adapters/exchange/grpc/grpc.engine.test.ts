import { type AddressInfo, createServer, type Socket } from "node:net";
import { Channel, credentials, Metadata, Server, ServerCredentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ExchangeServiceService, RunFragmentRequest } from "@spice-shards/proto";
import type { Clock } from "../../../ports/clock.ts";
import type { Exchange, FragmentRequest } from "../../../ports/exchange.ts";
import { systemClock } from "../../system/clock.ts";
import { InProcessExchange } from "../in-process.ts";
import { fragment, readAll, TestExecutor } from "../testing/executor.ts";
import { RemoteExecutor } from "../testing/remote-executor.ts";
import { encodeEnvelope } from "./envelope.ts";
import { readFragmentMessage } from "./fragment-message.ts";
import { GrpcExchange } from "./grpc-client.ts";
import { readMessages } from "./grpc-read.ts";
import { addExchangeService, exchangeServerOptions } from "./grpc-server.ts";

const never = new AbortController().signal;
const columns: [string, string][] = [
  ["i", "BIGINT"],
  ["s", "VARCHAR"],
];
/** About 100 bytes a row that no compression shrinks by much. */
const heavy = fragment(
  "SELECT i, md5(i::VARCHAR) || md5((i + 1)::VARCHAR) || md5((i + 2)::VARCHAR) FROM t",
  columns,
);
const endless = fragment("SELECT count(*) FROM t x, t y, t z WHERE x.i + y.i * z.i = 3", [["n", "BIGINT"]]);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(condition: () => boolean, withinMs: number): Promise<number> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > withinMs) throw new Error(`This did not happen within ${withinMs} ms`);
    await pause(2);
  }
  return performance.now() - start;
}

describe("an exchange over gRPC", () => {
  let executor: TestExecutor;
  let server: Server;
  let exchange: GrpcExchange;
  let pulled = 0;
  let port = 0;
  beforeAll(async () => {
    executor = await TestExecutor.start();
    await executor.add("t", "a", "SELECT range AS i FROM range(3000000)");
    server = new Server(exchangeServerOptions);
    const counting = {
      run: (request: FragmentRequest, signal: AbortSignal) => {
        const { frames, stats } = executor.runner.run(request, signal);
        async function* counted() {
          for await (const frame of frames) {
            pulled++;
            yield frame;
          }
        }
        return { frames: counted(), stats };
      },
    };
    addExchangeService(server, { runner: counting, authorize: () => undefined });
    port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    exchange = new GrpcExchange({
      address: (id) => (id === "e" ? `http://127.0.0.1:${port}` : undefined),
      credentials: () => credentials.createInsecure(),
    });
  });
  afterAll(async () => {
    exchange.close();
    server.forceShutdown();
    await executor.stop();
  });

  test("gives the frames and the figures that the runner gave, as the one in process does", async () => {
    const small = fragment("SELECT count(*), 'x' FROM t", columns);
    const near: Exchange = new InProcessExchange(new Map([["e", executor.runner]]), exchange);
    for (const either of [exchange, near]) {
      const result = either.run("e", small, never);
      const frames = await readAll(result);
      expect(frames).toHaveLength(1);
      expect(Buffer.from(frames[0]!.slice(0, 4)).toString()).toBe("PAR1");
      expect(await result.stats).toMatchObject({ rows: 1, bytes: frames[0]!.byteLength, ungrouped: false });
    }
  });

  test("an inline frame has the figures with it for those who ask, and is as whole without its status", async () => {
    const small = { ...fragment("SELECT max(i), 'x' FROM t", columns), inlineRows: 10 };
    const result = exchange.run("e", small, never);
    const [frame, ...more] = await readAll(result);
    expect(Buffer.from(frame!.slice(0, 4)).toString()).toBe("ROW1");
    expect(more).toEqual([]);
    expect(await result.stats).toMatchObject({ rows: 1, bytes: frame!.byteLength });
    const channel = new Channel(`127.0.0.1:${port}`, credentials.createInsecure(), {});
    const messages = async (request: FragmentRequest) => {
      const envelope = encodeEnvelope(request);
      const call = {
        channel,
        method: ExchangeServiceService.runFragment.path,
        request: Buffer.from(RunFragmentRequest.encode({ envelope }).finish()),
        deadline: Date.now() + 10_000,
        metadata: new Metadata(),
        signal: never,
      };
      const read: (readonly [string | undefined, boolean])[] = [];
      for await (const { payload, wholeStats } of readMessages("e", call, readFragmentMessage))
        read.push([payload?.$case, wholeStats !== undefined]);
      return read;
    };
    expect(await messages(small)).toEqual([
      ["frame", false],
      ["stats", false],
    ]);
    expect(await messages({ ...small, statsWithFrame: true })).toEqual([["frame", true]]);
    channel.close();
    await until(() => executor.pins === 0, 1_000);
  });

  test("a reader that waits makes the writer wait, and is not read ahead for", async () => {
    pulled = 0;
    const frames = exchange.run("e", heavy, never).frames[Symbol.asyncIterator]();
    for (let read = 1; read <= 3; read++) {
      expect((await frames.next()).done).toBe(false);
      await pause(400);
      // Two in the flow-control window, one being sent, one waiting: of about a hundred.
      expect(pulled - read).toBeLessThanOrEqual(5);
      // What it had begun to make it ends, and begins nothing else.
      await until(() => executor.runner.load.running === 0, 5_000);
      expect(executor.runner.load.queued).toBe(0);
    }
    await frames.return?.();
    await until(() => executor.pins === 0, 1_000);
    expect(await executor.files()).toEqual([]);
  });

  test("a client that goes away stops the fragment within 100 ms", async () => {
    const waited: number[] = [];
    for (let round = 0; round < 5; round++) {
      const abort = new AbortController();
      const reading = readAll(exchange.run("e", endless, abort.signal));
      reading.catch(() => undefined);
      await until(() => executor.runner.load.running === 1, 2_000);
      await pause(30 * round);
      abort.abort(new Error("gone"));
      waited.push(await until(() => executor.pins === 0, 10_000));
      await expect(reading).rejects.toThrow("gone");
    }
    // Others on the machine can only make one longer.
    expect(Math.min(...waited)).toBeLessThan(100);
  });

  test("errors arrive as what they are", async () => {
    const run = (request: FragmentRequest, id = "e") => readAll(exchange.run(id, request, never));
    await expect(run(fragment("SELECT i FROM t", columns, ["moved"]))).rejects.toMatchObject({
      name: "StalePlanError",
      message: "t moved is gone",
    });
    await expect(run(fragment("SELECT nope FROM t", columns))).rejects.toMatchObject({
      name: "SqlError",
      category: "Binder",
    });
    await expect(run({ ...endless, deadlineMs: 100 })).rejects.toMatchObject({ name: "TimeoutError" });
    await expect(run(heavy, "nobody")).rejects.toMatchObject({
      name: "ExecutorUnavailableError",
      executor: "nobody",
    });
    const foreign = { ...heavy, protocol: 2 } as unknown;
    await expect(run(foreign as FragmentRequest)).rejects.toMatchObject({
      name: "EnvelopeError",
      message: "This node speaks fragment protocol 1, not 2",
    });
    const broken = { ...heavy, scans: "t" } as unknown;
    await expect(run(broken as FragmentRequest)).rejects.toMatchObject({ name: "EnvelopeError" });
    expect(executor.pins).toBe(0);
  });

  test("an address where nobody answers is given up, and dialled anew for another process", async () => {
    const connections: Socket[] = [];
    const silent = createServer((connection) => connections.push(connection));
    await new Promise<void>((resolve) => {
      silent.listen(0, "127.0.0.1", resolve);
    });
    const { port } = silent.address() as AddressInfo;
    let instance = "one";
    const client = new GrpcExchange({
      address: () => `127.0.0.1:${port}`,
      instance: () => instance,
      credentials: () => credentials.createInsecure(),
      connectMs: 300,
    });
    const ask = () => readAll(client.run("e", heavy, never));
    const gone = { name: "ExecutorUnavailableError", executor: "e" };
    await expect(ask()).rejects.toMatchObject(gone);
    expect(connections).toHaveLength(1);
    // One that waits for the old process ends as soon as somebody asks the new one.
    const waiting = expect(ask()).rejects.toMatchObject(gone);
    await until(() => connections.length === 2, 2_000);
    instance = "two";
    await Promise.all([expect(ask()).rejects.toMatchObject(gone), waiting]);
    expect(connections).toHaveLength(3);
    client.close();
    for (const connection of connections) connection.destroy();
    silent.close();
  });

  test("too many fragments are refused with an error that says to come back", async () => {
    const busy = await TestExecutor.start({ concurrent: 1, waiting: 0 });
    const other = new Server(exchangeServerOptions);
    addExchangeService(other, { runner: busy.runner, authorize: () => undefined });
    await busy.add("t", "a", "SELECT range AS i FROM range(1000000)");
    const port = await new Promise<number>((resolve) => {
      other.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (_, bound) => resolve(bound));
    });
    const client = new GrpcExchange({
      address: () => `127.0.0.1:${port}`,
      credentials: () => credentials.createInsecure(),
    });
    const abort = new AbortController();
    const first = readAll(client.run("e", endless, abort.signal));
    first.catch(() => undefined);
    await until(() => busy.runner.load.running === 1, 2_000);
    const second = readAll(client.run("e", endless, never));
    await expect(second).rejects.toMatchObject({ name: "ResourceExhaustedError" });
    abort.abort();
    await expect(first).rejects.toMatchObject({ name: "AbortError" });
    client.retain([]);
    client.close();
    other.forceShutdown();
    await busy.stop();
  });
});

describe("an executor in another process", () => {
  let remote: RemoteExecutor;
  beforeAll(async () => {
    remote = await RemoteExecutor.start({ select: "SELECT range AS i FROM range(3000000)" });
  });
  afterAll(() => remote.stop());

  test("a slow reader of 300 MB does not make it grow", async () => {
    const exchange = remote.exchange();
    const abort = new AbortController();
    const frames = exchange.run("e", heavy, abort.signal).frames[Symbol.asyncIterator]();
    let bytes = 0;
    const read = async () => {
      const next = await frames.next();
      bytes += next.done === true ? 0 : next.value.byteLength;
    };
    await read();
    await read();
    const before = await remote.rss();
    let peak = before;
    const start = performance.now();
    while (performance.now() - start < 5_000) {
      await read();
      await pause(400);
      peak = Math.max(peak, await remote.rss());
    }
    expect(bytes).toBeLessThan(150 << 20);
    expect(peak - before).toBeLessThan(64 << 20);
    await frames.return?.();
    exchange.close();
  });

  test("one that stands still is given up, first by what it has given nothing yet, and asked again when it goes on", async () => {
    // The watch takes no turn before the executor stands still, and short ones from then on.
    const still = Promise.withResolvers<void>();
    const clock: Clock = {
      ...systemClock,
      sleep: (_, signal) => still.promise.then(() => systemClock.sleep(100, signal)),
    };
    const exchange = remote.exchange(undefined, clock);
    const silent = { name: "ExecutorUnavailableError", message: "Executor e gives no sign of life" };
    const count = fragment("SELECT count(*) FROM t", [["n", "BIGINT"]]);
    const frames = exchange.run("e", heavy, never).frames[Symbol.asyncIterator]();
    expect((await frames.next()).done).toBe(false);
    const ended: string[] = [];
    const rest = (async () => {
      while ((await frames.next()).done !== true);
    })().finally(() => ended.push("reading"));
    const waiting = readAll(exchange.run("e", endless, never)).finally(() => ended.push("waiting"));
    remote.child.kill("SIGSTOP");
    still.resolve();
    try {
      await Promise.all([
        expect(rest).rejects.toMatchObject(silent),
        expect(waiting).rejects.toMatchObject(silent),
      ]);
      expect(ended).toEqual(["waiting", "reading"]);
      await expect(readAll(exchange.run("e", count, never))).rejects.toMatchObject(silent);
    } finally {
      remote.child.kill("SIGCONT");
    }
    for (;;) {
      const answer = readAll(exchange.run("e", count, never)).catch((error: unknown) => error);
      const found = await answer;
      if (Array.isArray(found)) break;
      expect(found).toMatchObject(silent);
      await pause(50);
    }
    exchange.close();
  });

  test("one that is killed in the middle is an unavailable executor", async () => {
    const exchange = remote.exchange();
    const frames = exchange.run("e", heavy, never).frames[Symbol.asyncIterator]();
    expect((await frames.next()).done).toBe(false);
    remote.child.kill("SIGKILL");
    const rest = (async () => {
      while ((await frames.next()).done !== true);
    })();
    await expect(rest).rejects.toMatchObject({ name: "ExecutorUnavailableError", executor: "e" });
    await expect(readAll(exchange.run("e", heavy, never))).rejects.toMatchObject({
      name: "ExecutorUnavailableError",
      message: expect.stringContaining("Executor e cannot be reached"),
    });
    exchange.close();
  });
});
