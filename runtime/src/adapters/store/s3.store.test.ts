import { ListMultipartUploadsCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { FaultProxy, type ProxiedRequest } from "../../../test/support/fault-proxy.ts";
import { type S3TestServer, startS3Server } from "../../../test/support/s3-server.ts";
import { AmbiguousWriteError, type ObjectStore, StoreError } from "../../ports/object-store.ts";
import { systemClock } from "../system/clock.ts";
import { systemRandom } from "../system/random.ts";
import { type ConformanceTarget, conformanceCases } from "./conformance.ts";
import { proveConditionalWrites } from "./prove.ts";
import { S3Store, type S3StoreOptions } from "./s3.ts";
import { parseS3Config } from "./s3-params.ts";

const MiB = 2 ** 20;
let server: S3TestServer;
let proxy: FaultProxy;
const stores: ObjectStore[] = [];

beforeAll(async () => {
  server = await startS3Server();
  proxy = await FaultProxy.start(server.endpoint);
});

afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await proxy?.stop();
  await server?.stop();
});

let folders = 0;
function nextFolder(): number {
  folders += 1;
  return folders;
}
/** A client over a folder of its own, unless one is given. */
function client(options: { folder?: string; endpoint?: string } & Partial<S3StoreOptions> = {}): S3Store {
  const { folder = `test-${nextFolder()}`, endpoint = server.endpoint, ...rest } = options;
  const store = new S3Store(
    parseS3Config(`s3://${server.bucket}/${folder}/`, { ...server.params, endpoint }),
    {
      clock: systemClock,
      random: systemRandom,
      partBytes: 5 * MiB,
      ...rest,
    },
  );
  stores.push(store);
  return store;
}

const isPut = (r: ProxiedRequest) => r.method === "PUT";
const isConditional = (r: ProxiedRequest) => "if-match" in r.headers || "if-none-match" in r.headers;
const isAmbiguous = (error: unknown) => error instanceof AmbiguousWriteError;

function target(): ConformanceTarget {
  const folder = `conformance-${nextFolder()}`;
  return {
    store: client({ folder }),
    peers: [client({ folder }), client({ folder })],
    faults: {
      store: client({ folder, endpoint: proxy.url }),
      loseReplies: (times) => proxy.inject({ fault: { kind: "cut-reply" }, matches: isPut, times }),
      loseRequests: (times) => proxy.inject({ fault: { kind: "drop" }, times }),
      refuse: (times) => proxy.inject({ fault: { kind: "status", status: 503, code: "SlowDown" }, times }),
      conflict: (times) =>
        proxy.inject({
          fault: { kind: "status", status: 409, code: "ConditionalRequestConflict" },
          matches: isConditional,
          times,
        }),
      heal: () => proxy.heal(),
    },
    scale: { rounds: 20, listed: 1_050, largeBytes: 12 * MiB },
  };
}

describe("S3 conforms", () => {
  test.each(conformanceCases.map((c) => [`${c.group}: ${c.name}`, c] as const))("%s", async (_, { run }) => {
    await run(target());
  });
});

test("the proof accepts the server, and leaves nothing", async () => {
  const store = client();
  await proveConditionalWrites(store, { random: systemRandom });
  const left = [];
  for await (const object of store.list("")) left.push(object.key);
  expect(left).toEqual([]);
});

describe("what is lost on the way", () => {
  test("reads are repeated over refusals, lost requests and bodies that break off", async () => {
    const folder = "reads";
    const body = Buffer.alloc(300_000, "x");
    await client({ folder }).put("key", body, { kind: "any" });
    const seen: (number | undefined)[] = [];
    const store = client({ folder, endpoint: proxy.url, onRequest: ({ status }) => seen.push(status) });
    proxy.inject({ fault: { kind: "status", status: 503, code: "SlowDown" }, times: 1 });
    proxy.inject({ fault: { kind: "drop" }, times: 1 });
    proxy.inject({ fault: { kind: "cut-body", afterBytes: 100_000 }, times: 1 });
    expect(body.equals((await store.get("key"))?.body ?? Buffer.alloc(0))).toBe(true);
    expect(seen).toEqual([503, undefined, undefined, 200]);

    seen.length = 0;
    proxy.inject({ fault: { kind: "status", status: 500, code: "InternalError" }, times: 2 });
    const keys = [];
    for await (const object of store.list("")) keys.push(object.key);
    expect(keys).toEqual(["key"]);
    proxy.inject({ fault: { kind: "cut-reply" }, times: 1 });
    await store.delete("key");
    expect(seen).toEqual([500, 500, 200, undefined, 200]);
    expect(await store.get("key")).toBeUndefined();
  });

  test("a store that stays down is a retryable error after five tries", async () => {
    let requests = 0;
    const store = client({ endpoint: proxy.url, onRequest: () => (requests += 1) });
    proxy.inject({ fault: { kind: "status", status: 503, code: "SlowDown" } });
    try {
      await expect(store.get("key")).rejects.toMatchObject({ name: "StoreError", retryable: true });
      expect(requests).toBe(5);
    } finally {
      proxy.heal();
    }
  });

  test.each([
    [500, "InternalError"],
    [503, undefined],
    [502, undefined],
  ])("a %s %s may come after the write: ambiguous, sent once", async (status, code) => {
    const store = client({ endpoint: proxy.url });
    const before = proxy.seen.length;
    proxy.inject({ fault: { kind: "status", status, ...(code === undefined ? {} : { code }) }, times: 1 });
    const put = store.put("key", Buffer.from("x"), { kind: "absent" });
    await expect(put).rejects.toBeInstanceOf(AmbiguousWriteError);
    expect(proxy.seen.length - before).toBe(1);
  });

  test("a server that is gone is known to have written nothing", async () => {
    const gone = await FaultProxy.start(server.endpoint);
    await gone.stop();
    const store = client({ endpoint: gone.url });
    const error: unknown = await store
      .put("key", Buffer.from("x"), { kind: "absent" })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(StoreError);
    expect((error as Error).message).toContain("ECONNREFUSED");
    expect(isAmbiguous(error)).toBe(false);
    expect(error).toMatchObject({ retryable: true });
  });

  test("no answer in time: reads go on elsewhere, writes are ambiguous", async () => {
    const folder = "slow";
    await client({ folder }).put("key", Buffer.from("x"), { kind: "any" });
    const store = client({ folder, endpoint: proxy.url, requestTimeoutMs: 300 });
    for (const method of ["GET", "PUT"])
      proxy.inject({ fault: { kind: "delay", ms: 1_500 }, matches: (r) => r.method === method, times: 1 });
    expect((await store.get("key"))?.body).toEqual(new Uint8Array([0x78]));
    await expect(store.put("key", Buffer.from("y"), { kind: "any" })).rejects.toThrow(
      /TimeoutError: No answer within 300 ms; the write may or may not have happened/,
    );
  });

  test("an abort stops a read at once, and leaves a write in flight ambiguous", async () => {
    const store = client({ endpoint: proxy.url });
    proxy.inject({ fault: { kind: "delay", ms: 2_000 }, times: 2 });
    const reason = new Error("called off");
    const startedMs = performance.now();
    const calls = ["get", "put"].map((what): Promise<unknown> => {
      const stop = new AbortController();
      setTimeout(() => stop.abort(reason), 50);
      return what === "get"
        ? store.get("key", { signal: stop.signal })
        : store.put("key", Buffer.from("x"), { kind: "any" }, { signal: stop.signal });
    });
    await expect(calls[0]).rejects.toBe(reason);
    await expect(calls[1]).rejects.toMatchObject({ name: "AmbiguousWriteError", cause: reason });
    expect(performance.now() - startedMs).toBeLessThan(1_500);
  });
});

describe("refusals are errors that no retry mends, also where absence is an answer", () => {
  test("a wrong secret", async () => {
    await expectRefusals(server.bucket, { secret: "wrong" }, /403 SignatureDoesNotMatch/);
  });

  test("a bucket that is not there", async () => {
    await expectRefusals("no-such-bucket", {}, /404 NoSuchBucket/);
  });

  async function expectRefusals(
    bucket: string,
    params: Record<string, string>,
    message: RegExp,
  ): Promise<void> {
    const config = parseS3Config(`s3://${bucket}/`, { ...server.params, ...params });
    const store = new S3Store(config, { clock: systemClock, random: systemRandom });
    stores.push(store);
    const calls: (() => Promise<unknown>)[] = [
      () => store.get("key"),
      () => store.put("key", Buffer.from("x"), { kind: "absent" }),
      () => store.put("key", Buffer.from("x"), { kind: "match", etag: '"x"' }),
      () => store.delete("key"),
      () => store.list("")[Symbol.asyncIterator]().next(),
    ];
    for (const call of calls) {
      const error: unknown = await call().catch((e: unknown) => e);
      expect(error).toMatchObject({ name: "StoreError", retryable: false });
      expect((error as Error).message).toMatch(message);
    }
  }
});

describe("large uploads", () => {
  test("hold a bounded number of parts, however large the stream and slow the store", async () => {
    const partBytes = 5 * MiB;
    const concurrency = 2;
    let sent = 0;
    let furthest = 0;
    let finished = 0;
    const store = client({
      endpoint: proxy.url,
      partBytes,
      partConcurrency: concurrency,
      onRequest: ({ operation, status }) => {
        if (operation === "MULTIPART" && status === 200) finished += 1;
      },
    });
    const chunk = Buffer.alloc(MiB, "p");
    const source = async function* () {
      for (let i = 0; i < 40; i += 1) {
        sent += chunk.length;
        // The first request that finished is the one that started the upload.
        furthest = Math.max(furthest, sent - Math.max(0, finished - 1) * partBytes);
        yield chunk;
      }
    };
    proxy.inject({ fault: { kind: "delay", ms: 60 }, matches: isPut });
    try {
      await expect(store.putStream("large", source(), { kind: "absent" })).resolves.toMatchObject({
        kind: "written",
      });
    } finally {
      proxy.heal();
    }
    expect(furthest).toBeLessThanOrEqual((concurrency + 2) * partBytes);
    expect((await store.get("large"))?.body.length).toBe(40 * MiB);
  });

  test("repeat a part, but not the completion; whatever fails, no parts stay behind", async () => {
    const folder = "parts";
    const store = client({ folder, endpoint: proxy.url });
    const stream = async function* (): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 12; i += 1) yield Buffer.alloc(MiB, "p");
    };
    const isPart = (r: ProxiedRequest) => r.path.includes("partNumber=");
    const isCompletion = (r: ProxiedRequest) => r.method === "POST" && r.path.includes("uploadId=");

    proxy.inject({ fault: { kind: "cut-reply" }, matches: isPart, times: 2 });
    await expect(store.putStream("a", stream(), { kind: "absent" })).resolves.toMatchObject({
      kind: "written",
    });

    proxy.inject({
      fault: { kind: "status", status: 409, code: "ConditionalRequestConflict" },
      matches: isCompletion,
      times: 1,
    });
    expect(await store.putStream("b", stream(), { kind: "absent" })).toEqual({ kind: "conflict" });
    expect(await store.get("b")).toBeUndefined();

    const before = proxy.seen.length;
    proxy.inject({ fault: { kind: "cut-reply" }, matches: isCompletion, times: 1 });
    await expect(store.putStream("c", stream(), { kind: "absent" })).rejects.toBeInstanceOf(
      AmbiguousWriteError,
    );
    expect(proxy.seen.slice(before).filter(isCompletion)).toHaveLength(1);
    expect((await store.get("c"))?.body.length).toBe(12 * MiB);

    proxy.inject({ fault: { kind: "status", status: 403, code: "AccessDenied" }, matches: isPart, times: 1 });
    await expect(store.putStream("d", stream(), { kind: "absent" })).rejects.toThrow("403 AccessDenied");
    expect(await store.putStream("a", stream(), { kind: "absent" })).toEqual({ kind: "precondition-failed" });
    expect(await store.putStream("e", stream(), { kind: "match", etag: '"x"' })).toEqual({ kind: "missing" });

    const keys = [];
    for await (const object of store.list("")) keys.push(object.key);
    expect(keys).toEqual(["a", "c"]);
    expect(await uploadsBelow(folder)).toEqual([]);
  });
});

async function uploadsBelow(folder: string): Promise<(string | undefined)[]> {
  const s3 = new S3Client({
    endpoint: server.endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: server.accessKey, secretAccessKey: server.secretKey },
  });
  try {
    const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket: server.bucket }));
    return (Uploads ?? []).map((upload) => upload.Key).filter((key) => key?.startsWith(folder));
  } finally {
    s3.destroy();
  }
}
