import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { TcpProxy } from "./tcp-proxy.ts";

let server: Server;
let proxy: TcpProxy;
let client: Socket;

beforeEach(async () => {
  server = createServer((socket) => socket.on("error", () => undefined).pipe(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy = await TcpProxy.start({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
  client = connect(proxy.port, "127.0.0.1");
  await once(client, "connect");
});

afterEach(async () => {
  client.destroy();
  await proxy.stop();
  await new Promise((resolve) => server.close(resolve));
});

async function echo(text: string): Promise<string> {
  client.write(text);
  const [chunk] = (await once(client, "data")) as [Buffer];
  return chunk.toString();
}

test("bytes pass, stop in a partition, and all arrive when it heals", async () => {
  expect(await echo("one")).toBe("one");
  proxy.mode = "silent";
  let answered = false;
  const answer = echo("two").then((text) => {
    answered = true;
    return text;
  });
  await delay(50);
  expect(answered).toBe(false);
  proxy.mode = "pass";
  expect(await answer).toBe("two");
});

test("connections are cut, and new ones refused", async () => {
  expect(await echo("one")).toBe("one");
  const broken = once(client, "error");
  proxy.cutAll();
  await broken;
  proxy.mode = "refuse";
  const second = connect(proxy.port, "127.0.0.1");
  second.on("error", () => undefined);
  await once(second, "close");
  expect(second.bytesRead).toBe(0);
});
