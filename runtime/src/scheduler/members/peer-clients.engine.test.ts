import { type AddressInfo, createServer, type Socket, type Server as TcpServer } from "node:net";
import { credentials, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { afterEach, expect, test } from "@jest/globals";
import { ClusterServiceService, type PeerNewsRequest } from "@spice-shards/proto";
import { newDocument } from "../../core/cluster/document/document.ts";
import { PeerClients } from "./peer-clients.ts";

const news: PeerNewsRequest = { schedulerId: "s1", revision: 7, suspectedExecutors: ["e1"], condition: "" };
const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** A scheduler that hears every suspected executor. */
async function peer(): Promise<{ address: string; heard: PeerNewsRequest[] }> {
  const server = new Server();
  const heard: PeerNewsRequest[] = [];
  const unused = () => undefined;
  server.addService(ClusterServiceService, {
    ...Object.fromEntries(Object.keys(ClusterServiceService).map((name) => [name, unused])),
    peerNews: (call: { request: PeerNewsRequest }, callback: (error: null, response: object) => void) => {
      heard.push(call.request);
      callback(null, {
        revision: 9,
        heardExecutors: call.request.suspectedExecutors,
        instanceId: "i",
        beatCounter: 1,
      });
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  open.push(() => server.forceShutdown());
  return { address: `127.0.0.1:${port}`, heard };
}

function clients() {
  const made = { channels: 0 };
  const peers = new PeerClients(() => {
    made.channels += 1;
    return credentials.createInsecure();
  });
  open.push(() => peers.close());
  return { peers, made };
}

const documentWith = (...addresses: string[]) => ({
  ...newDocument("c", 0),
  schedulers: Object.fromEntries(
    addresses.map((advertise_address) => [advertise_address, { advertise_address }]),
  ) as never,
});

test("tells and asks over one channel for each scheduler, until the document loses it", async () => {
  const [one, two] = [await peer(), await peer()];
  const { peers, made } = clients();
  expect(await peers.peerNews(one.address, news)).toMatchObject({ revision: 9, heardExecutors: ["e1"] });
  await peers.peerNews(one.address, news);
  await peers.peerNews(two.address, news);
  expect([one.heard, two.heard, made.channels]).toEqual([[news, news], [news], 2]);
  peers.prune(documentWith(two.address));
  await peers.peerNews(two.address, news);
  expect(made.channels).toBe(2);
  await peers.peerNews(one.address, news);
  expect(made.channels).toBe(3);
});

test("rejects at once where nothing listens, and after two seconds where nothing answers", async () => {
  const { peers } = clients();
  await expect(peers.peerNews("127.0.0.1:9", news)).rejects.toMatchObject({ code: status.UNAVAILABLE });
  const sockets = new Set<Socket>();
  const silent: TcpServer = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  open.push(() => {
    silent.close();
    for (const socket of sockets) socket.destroy();
  });
  const started = performance.now();
  const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  await expect(peers.peerNews(address, news)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
  expect(performance.now() - started).toBeLessThan(4_000);
  peers.close();
});
