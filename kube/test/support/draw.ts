import { randomInt } from "node:crypto";
import { type AddressInfo, createServer } from "node:net";

/** Ports of 127.0.0.1 that were free just now, all different. */
export async function drawPorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  try {
    return await Promise.all(
      servers.map(
        (server) =>
          new Promise<number>((resolve, reject) => {
            server.once("error", reject).listen(0, "127.0.0.1", () => {
              resolve((server.address() as AddressInfo).port);
            });
          }),
      ),
    );
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

/** A network of loopback for services or pods, such as `127.83`: runs at once seldom draw the same. */
export function drawNetwork(): string {
  return `127.${randomInt(32, 254)}`;
}
