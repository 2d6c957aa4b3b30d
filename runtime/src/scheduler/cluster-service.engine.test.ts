import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ChannelCredentials, credentials, Server } from "@grpc/grpc-js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import {
  ClusterServiceClient,
  ClusterServiceService,
  type DrainResponse,
  type ExpandSecretResponse,
  type GetSchedulersResponse,
} from "@spice-shards/proto";
import { callNode } from "../adapters/cluster/call-node.ts";
import { logRefusedHandshakes } from "../adapters/tls/grpc-peer.ts";
import type { CertificateFiles } from "../adapters/tls/load-certificates.ts";
import { type NodeSecurity, openNodeSecurity } from "../adapters/tls/node-security.ts";
import { TestCa } from "../adapters/tls/testing/certificates.ts";
import { type ClusterServiceHost, ControlStreams, clusterService } from "./cluster-service.ts";
import { ExecutorViews } from "./executor-views.ts";

const never = new AbortController().signal;
const lines: string[] = [];
/** Drains that were asked for. */
const drained: string[] = [];
const log = {
  info: () => undefined,
  warn: (message: string, detail: Record<string, unknown>) => {
    lines.push(`${message} ${JSON.stringify(detail)}`);
  },
};
const quiet = { info: () => undefined, warn: () => undefined };

/** A scheduler's internal port, with one secret and nothing else behind it. */
async function serve(security: NodeSecurity): Promise<{ server: Server; address: string }> {
  const unused = () => {
    throw new Error("this test does not go here");
  };
  const host: ClusterServiceHost = {
    schedulerId: "s",
    desk: {
      open: () => ({
        receive: async () => {
          throw new Error("the store is away");
        },
        close: () => undefined,
      }),
    },
    executors: new ExecutorViews(),
    streams: new ControlStreams(),
    streamsChanged: unused,
    app: unused,
    expandSecret: async (key) => {
      if (key !== "env:USED") throw new Error("the spicepod does not use this key");
      return "value";
    },
    schedulers: () => [],
    assignments: unused,
    acknowledged: unused,
    drains: {
      drain: async (executor, deadlineMs) => {
        drained.push(`${executor} within ${deadlineMs} ms`);
        return { state: "DRAINING", remaining: 3, already: false };
      },
    },
    instanceOf: (executor) => (executor === "e" ? "first" : ""),
    peerNews: unused,
    metrics: unused,
    node: unused,
    secure: security.secure,
    authorize: (call, roles) => security.authorize(call as never, roles as never),
    warn: log.warn,
  };
  const server = new Server();
  server.addService(ClusterServiceService, clusterService(host));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", security.server, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  if (security.secure) logRefusedHandshakes(server, log);
  return { server, address: `127.0.0.1:${port}` };
}

const expandSecret = async (address: string, channel: ChannelCredentials, key: string) => {
  const { value } = await callNode<ExpandSecretResponse>(address, channel, never, (client, done) =>
    client.expandSecret({ executorId: "e", key }, done),
  );
  return value;
};
const getSchedulers = (address: string, channel: ChannelCredentials) =>
  callNode<GetSchedulersResponse>(address, channel, never, (client, done) => client.getSchedulers({}, done));

let directory: string;
let ca: TestCa;
let other: TestCa;
let secure: { server: Server; address: string };
let insecure: { server: Server; address: string };
const opened: NodeSecurity[] = [];
const open = async (files: CertificateFiles | undefined, to: typeof log = quiet) => {
  const security = await openNodeSecurity(files, to);
  opened.push(security);
  return security;
};
const leaf = (from: TestCa, name: string, dnsNames: string[], days?: number) =>
  from.leaf(join(directory, name), {
    commonName: name,
    dnsNames,
    ...(days === undefined ? {} : { days }),
  });

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "cluster-service-"));
  [ca, other] = [new TestCa(), new TestCa("Other")];
  secure = await serve(await open(leaf(ca, "s0", ["scheduler.sales.prod"]), log));
  insecure = await serve(await open(undefined));
});
beforeEach(() => {
  lines.length = 0;
});
afterAll(() => {
  for (const { server } of [secure, insecure]) server.forceShutdown();
  for (const security of opened) security.close();
  for (const each of [ca, other]) each.close();
  rmSync(directory, { recursive: true, force: true });
});

describe("secrets", () => {
  test("go to an executor, for keys that the spicepod uses", async () => {
    const executor = await open(leaf(ca, "e0", ["executor.sales.prod"]));
    expect(await expandSecret(secure.address, executor.channel(["scheduler"]), "env:USED")).toBe("value");
    await expect(
      expandSecret(secure.address, executor.channel(["scheduler"]), "env:HOME"),
    ).rejects.toMatchObject({ code: 3, details: "Unable to expand secret env:HOME" });
    expect(lines.join()).toMatch(/Secret was not expanded .*the spicepod does not use this key/);
    await expect(expandSecret(secure.address, executor.channel(["scheduler"]), "")).rejects.toMatchObject({
      code: 3,
    });
  });

  test("go to nobody without mTLS", async () => {
    await expect(
      expandSecret(insecure.address, credentials.createInsecure(), "env:USED"),
    ).rejects.toMatchObject({ code: 7, details: "Secret expansion requires cluster mTLS" });
  });

  test("do not go to another role", async () => {
    for (const [name, role] of [
      ["o0", "operator"],
      ["s1", "scheduler"],
    ] as const) {
      const peer = await open(leaf(ca, name, [`${role}.sales.prod`]));
      await expect(
        expandSecret(secure.address, peer.channel(["scheduler"]), "env:USED"),
      ).rejects.toMatchObject({ code: 7 });
      expect(lines.join()).toMatch(
        `the certificate of ${name} is for ${role}.sales.prod; executor.sales.prod is needed here`,
      );
    }
  });
});

describe("an executor that leaves", () => {
  const leave = (channel: ChannelCredentials, executorId: string, instanceId: string) =>
    callNode<DrainResponse>(secure.address, channel, never, (client, done) =>
      client.leave({ executorId, instanceId, deadlineMs: 700 }, done),
    );

  test("is drained, unless it has a successor or is no member", async () => {
    const executor = await open(leaf(ca, "e2", ["executor.sales.prod"]));
    const channel = executor.channel(["scheduler"]);
    for (const [id, instance] of [
      ["e", "second"],
      ["stranger", "first"],
    ] as const)
      await expect(leave(channel, id, instance)).rejects.toMatchObject({
        code: 5,
        details: `Executor ${id} is not here as ${instance}`,
      });
    expect(drained).toEqual([]);
    expect(await leave(channel, "e", "first")).toMatchObject({ state: "DRAINING", remaining: 3, reason: "" });
    expect(drained).toEqual(["e within 700 ms"]);
  });

  test("is an executor", async () => {
    const scheduler = await open(leaf(ca, "s2", ["scheduler.sales.prod"]));
    await expect(leave(scheduler.channel(["scheduler"]), "e", "first")).rejects.toMatchObject({ code: 7 });
  });
});

describe("a control stream that ends", () => {
  const ended = (channel: ChannelCredentials) =>
    new Promise((resolve) => {
      const client = new ClusterServiceClient(secure.address, channel);
      const stream = client.controlStream();
      stream.resume();
      stream.on("error", (error) => {
        resolve(error);
        client.close();
      });
      const value = { counter: 1, memoryAvailableBytes: 0, tasksActive: 0 };
      stream.write({ executorId: "e", message: { $case: "beat", value } });
    });

  test("tells the executor at once, and why", async () => {
    const executor = await open(leaf(ca, "e3", ["executor.sales.prod"]));
    expect(await ended(executor.channel(["scheduler"]))).toMatchObject({
      code: 13,
      details: "the store is away",
    });
    const scheduler = await open(leaf(ca, "s3", ["scheduler.sales.prod"]));
    expect(await ended(scheduler.channel(["scheduler"]))).toMatchObject({
      code: 7,
      details: expect.stringContaining("executor.sales.prod is needed here"),
    });
  });
});

describe("a connection that is refused has its reason on both sides", () => {
  /** Offer these files whatever this side would think of the scheduler's certificate. */
  const offer = (files: CertificateFiles) =>
    credentials.createSsl(
      readFileSync(join(directory, "s0/ca.crt")),
      readFileSync(files.keyFile),
      readFileSync(files.certificateFile),
      { checkServerIdentity: () => undefined },
    );

  test("in plain text", async () => {
    await expect(getSchedulers(secure.address, credentials.createInsecure())).rejects.toThrow(
      /may demand mTLS/,
    );
    expect(lines.join()).toMatch(/A connection was refused .*does not speak TLS/);
  });

  test("by mTLS to a node in plain text", async () => {
    const executor = await open(leaf(ca, "e1", ["executor.sales.prod"]));
    await expect(getSchedulers(insecure.address, executor.channel(["scheduler"]))).rejects.toThrow(
      /the peer does not speak TLS on this port/,
    );
  });

  test("of another CA, seen from each side", async () => {
    const files = leaf(other, "foreign", ["executor.sales.prod"]);
    await expect(getSchedulers(secure.address, offer(files))).rejects.toThrow(
      /refuse this node's certificate/,
    );
    expect(lines.join()).toMatch(/A connection was refused .*not of this cluster's CA/);
    const foreign = await open(files);
    await expect(getSchedulers(secure.address, foreign.channel(["scheduler"]))).rejects.toThrow(
      /the peer's certificate is not signed by a CA in this node's --node-mtls-ca-certificate-file/,
    );
  });

  test("expired", async () => {
    const files = leaf(ca, "expired", ["executor.sales.prod"], -1);
    await expect(getSchedulers(secure.address, offer(files))).rejects.toThrow(
      /refuse this node's certificate/,
    );
    expect(lines.join()).toMatch(/A connection was refused .*the peer's certificate has expired/);
  });

  test("of another cluster, or of the wrong role", async () => {
    const stranger = leaf(ca, "stranger", ["executor.other.prod"]);
    const needed = /executor\.sales\.prod or scheduler\.sales\.prod is needed here/;
    await expect(getSchedulers(secure.address, offer(stranger))).rejects.toMatchObject({
      code: 7,
      details: expect.stringMatching(needed),
    });
    expect(lines.join()).toMatch(/A call was refused .*stranger is for executor\.other\.prod/);
    const dialler = await open(stranger, log);
    lines.length = 0;
    await expect(getSchedulers(secure.address, dialler.channel(["scheduler"]))).rejects.toThrow(
      /the certificate of s0 is for scheduler\.sales\.prod; scheduler\.other\.prod is needed here/,
    );
    expect(lines.join()).toMatch(/A peer's certificate was refused/);
  });
});
