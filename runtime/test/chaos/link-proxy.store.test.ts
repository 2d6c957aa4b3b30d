import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { connectionOwner } from "./connection-owner.ts";
import { LinkProxy } from "./link-proxy.ts";
import { Network } from "./network.ts";

let server: Server;
let network: Network;
let proxy: LinkProxy;
/** Who the next caller is. */
let name: string;
const clients: Socket[] = [];

beforeEach(async () => {
  server = createServer((socket) => socket.on("error", () => undefined).pipe(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  network = new Network();
  const target = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  proxy = await LinkProxy.start({ to: "s0", network, caller: async () => name, target: () => target });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.stop();
  await new Promise((resolve) => server.close(resolve));
});

async function dial(as: string): Promise<(text: string) => Promise<string>> {
  name = as;
  const client = connect(proxy.port, "127.0.0.1");
  clients.push(client);
  const ended = new Promise<string>((resolve) => {
    client.on("error", () => resolve("reset"));
    client.on("close", () => resolve("reset"));
  });
  await Promise.race([once(client, "connect").catch(() => undefined), ended]);
  return (text) => {
    client.write(text);
    const answer = once(client, "data").then(([chunk]) => String(chunk));
    return Promise.race([answer, ended, delay(300).then(() => "silence")]);
  };
}

test("a link is silent or reset for one caller, and passes for the others", async () => {
  const [one, other] = [await dial("e0"), await dial("e1")];
  expect([await one("a"), await other("b")]).toEqual(["a", "b"]);
  network.between(["e0"], ["s0"], "silent");
  expect([await one("c"), await other("d")]).toEqual(["silence", "d"]);
  network.heal();
  expect(await one("e")).toMatch(/^c?e?$/);
  network.set("e0", "s0", "refuse");
  expect([await one("f"), await other("g")]).toEqual(["reset", "g"]);
  expect(await (await dial("e0"))("h")).toBe("reset");
  expect(await (await dial("e1"))("i")).toBe("i");
});

test("the kernel tells which process dialled", async () => {
  const client = connect(proxy.port, "127.0.0.1");
  clients.push(client);
  await once(client, "connect");
  const port = client.localPort!;
  expect(await connectionOwner(port, proxy.port, new Map([[process.pid, "me"]]))).toBe("me");
  expect(await connectionOwner(port, proxy.port, new Map([[1, "init"]]))).toBeUndefined();
  expect(await connectionOwner(port, 1, new Map([[process.pid, "me"]]))).toBeUndefined();
});
