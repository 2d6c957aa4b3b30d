import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { runCli } from "../program.ts";
import { TestIo } from "../testing/test-io.ts";

let server: Server;
let endpoint: string;
/** What `/v1/cluster` says of e1, one after another; the last one stays. */
let states: (object | undefined)[];
let posted: unknown[];
let post: { status: number; body: string };

beforeEach(async () => {
  [states, posted] = [[], []];
  post = { status: 200, body: JSON.stringify({ executor: "e1", message: "Executor e1 is draining." }) };
  server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    if (request.method === "POST") {
      posted.push([request.url, JSON.parse(body)]);
      response.writeHead(post.status).end(post.body);
      return;
    }
    const state = states.length > 1 ? states.shift() : states[0];
    response.end(JSON.stringify({ executors: state === undefined ? [] : [{ id: "e1", ...state }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const drain = async (...args: string[]) => {
  const io = new TestIo(tmpdir(), {});
  const code = await runCli(["drain", "e1", ...args, "--endpoint", endpoint], io, "1.2.3");
  return { code, out: io.out, err: io.err };
};
const draining = (state: string, remaining: number, reason?: string) => ({
  drain: { state, remaining, ...(reason === undefined ? {} : { reason }) },
});

test("waits until the executor is empty", async () => {
  states = [draining("DRAINING", 3), draining("DRAINING", 1), draining("DRAINED", 0)];
  expect(await drain()).toMatchObject({
    code: 0,
    out: "Executor e1 is draining.\nExecutor e1 is drained.\n",
  });
  expect(posted).toEqual([["/v1/cluster/drain", { executor: "e1", undrain: false }]]);
  states = [draining("DRAINED", 0)];
  expect((await drain("--output", "json")).out).toBe('{"executor":"e1","state":"DRAINED"}\n');
});

test("gives up on a drain that stays blocked, with the reason and the way out", async () => {
  states = [draining("BLOCKED", 4, "no other active executor is heard")];
  const { code, err } = await drain();
  expect(code).toBe(1);
  expect(err).toContain(
    "BLOCKED: no other active executor is heard. Executor e1 still has 4 partition(s) and stays draining; `spice drain e1 --undrain` ends that.",
  );
});

test("a drain that is blocked for a moment goes on", async () => {
  states = [
    draining("BLOCKED", 4, "x"),
    draining("DRAINING", 2),
    draining("BLOCKED", 2, "x"),
    draining("DRAINED", 0),
  ];
  expect((await drain()).code).toBe(0);
});

test("says what is left when time is up, and that the drain goes on", async () => {
  states = [draining("DRAINING", 2)];
  const { code, err } = await drain("--timeout", "1s");
  expect(code).toBe(1);
  expect(err).toContain(
    "Executor e1 still has 2 partition(s) after 1 s. The drain goes on; the same command waits for it again.",
  );
  expect((await drain("--timeout", "soon")).err).toContain("It must be a duration such as 30s or 10m.");
});

test("says when the executor leaves, or somebody ends the drain", async () => {
  states = [draining("DRAINING", 2), undefined];
  expect((await drain()).err).toContain("Executor e1 left the cluster while it was draining");
  states = [{}];
  expect((await drain()).err).toContain("The drain of executor e1 was ended: it takes partitions again");
});

test("--undrain asks for nothing else, and a refusal is shown as it came", async () => {
  post.body = JSON.stringify({ executor: "e1", message: "Executor e1 was not draining." });
  expect(await drain("--undrain")).toMatchObject({ code: 0, out: "Executor e1 was not draining.\n" });
  expect(posted).toEqual([["/v1/cluster/drain", { executor: "e1", undrain: true }]]);
  post = { status: 404, body: "Executor e1 is not a member of this cluster. Its executors: e2" };
  const { code, err } = await drain();
  expect(code).toBe(1);
  expect(err).toContain("Executor e1 is not a member of this cluster. Its executors: e2");
});
