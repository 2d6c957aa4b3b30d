import { type Client, credentials, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import {
  AdminServiceClient,
  AdminServiceService,
  type DrainResponse,
  type UndrainResponse,
} from "@spice-shards/proto";
import { FixedNode } from "../api/testing/fixed-node.ts";
import { newDocument } from "../core/cluster/document/document.ts";
import { UnknownCommitError } from "../core/cluster/errors.ts";
import { type AdminServiceHost, adminService } from "./admin-service.ts";
import { UnknownExecutorError } from "./moves/drains.ts";

type Reply<R> = (error: { code: number; details: string } | null, response: R) => void;

describe("AdminService", () => {
  let server: Server;
  let client: AdminServiceClient;
  let drain: AdminServiceHost["drains"]["drain"];
  let undrain: AdminServiceHost["drains"]["undrain"];
  let refuse: Error | undefined;
  const info = new FixedNode();

  beforeAll(async () => {
    server = new Server();
    const host: AdminServiceHost = {
      info,
      drains: {
        drain: (...args) => drain(...args),
        undrain: (executor) => undrain(executor),
      },
      instanceOf: () => "x",
      nodes: async () => [],
      authorize: (_call, roles) => {
        expect(roles).toEqual(["operator"]);
        if (refuse !== undefined) throw refuse;
      },
    };
    server.addService(AdminServiceService, adminService(host));
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    client = new AdminServiceClient(`127.0.0.1:${port}`, credentials.createInsecure());
  });
  afterAll(() => {
    (client as Client).close();
    server.forceShutdown();
  });
  beforeEach(() => {
    refuse = undefined;
    drain = async () => ({ state: "DRAINING", remaining: 3, already: false });
    undrain = async () => true;
  });

  const call = <R>(send: (reply: Reply<R>) => void) =>
    new Promise<R>((resolve, reject) =>
      send((error, response) => (error === null ? resolve(response) : reject(error))),
    );
  const askDrain = (executor = "e1", deadlineMs = 0) =>
    call<DrainResponse>((reply) => client.drain({ executor, deadlineMs }, reply as never));
  const askUndrain = () =>
    call<UndrainResponse>((reply) => client.undrain({ executor: "e1" }, reply as never));

  test("drains with the caller's deadline, and tells state, rest and reason", async () => {
    const asked: unknown[] = [];
    drain = async (executor, deadlineMs) => {
      asked.push([executor, deadlineMs]);
      return { state: "BLOCKED", remaining: 4, reason: "All executors at capacity", already: true };
    };
    expect(await askDrain("e7", 250)).toEqual({
      state: "BLOCKED",
      remaining: 4,
      reason: "All executors at capacity",
      already: true,
    });
    expect(asked).toEqual([["e7", 250]]);
    drain = async () => ({ state: "DRAINED", remaining: 0, already: false });
    expect(await askDrain()).toEqual({ state: "DRAINED", remaining: 0, reason: "", already: false });
    expect(await askUndrain()).toEqual({ wasDraining: true });
  });

  test("an executor that no cluster has is NOT_FOUND, a store in trouble UNAVAILABLE, another role PERMISSION_DENIED", async () => {
    const unknown = new UnknownExecutorError("e1", newDocument("c", 0));
    [drain, undrain] = [() => Promise.reject(unknown), () => Promise.reject(unknown)];
    const notFound = { code: status.NOT_FOUND, details: unknown.message };
    await expect(askDrain()).rejects.toMatchObject(notFound);
    await expect(askUndrain()).rejects.toMatchObject(notFound);
    const store = new UnknownCommitError("s3://b/cluster.json", new Error("503 SlowDown"));
    [drain, undrain] = [() => Promise.reject(store), () => Promise.reject(store)];
    const unavailable = {
      code: status.UNAVAILABLE,
      details:
        "The outcome of a write to the cluster document at s3://b/cluster.json is unknown: 503 SlowDown",
    };
    await expect(askDrain()).rejects.toMatchObject(unavailable);
    await expect(askUndrain()).rejects.toMatchObject(unavailable);
    refuse = new Error("operator.sales.prod is needed here");
    const denied = { code: status.PERMISSION_DENIED, details: "operator.sales.prod is needed here" };
    await expect(askDrain()).rejects.toMatchObject(denied);
    await expect(askUndrain()).rejects.toMatchObject(denied);
  });

  test("a caller that goes away ends the waiting", async () => {
    const ended = Promise.withResolvers<boolean>();
    const begun = Promise.withResolvers<void>();
    drain = (_executor, _deadline, signal) => {
      signal?.addEventListener("abort", () => ended.resolve(true), { once: true });
      begun.resolve();
      return new Promise(() => undefined);
    };
    const waiting = client.drain({ executor: "e1", deadlineMs: 60_000 }, () => undefined);
    await begun.promise;
    waiting.cancel();
    expect(await ended.promise).toBe(true);
  });
});
