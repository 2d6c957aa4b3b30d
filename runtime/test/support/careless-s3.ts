import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Objects over S3's protocol that ignore the conditions of writes, as some S3-compatible stores do. */
export interface CarelessS3 {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Start one on loopback, in memory; every signature is accepted, `PUT`, `GET` and `DELETE` of objects exist. */
export async function startCarelessS3(): Promise<CarelessS3> {
  const objects = new Map<string, { body: Buffer; etag: string }>();
  const server = createServer(async (request, response) => {
    const key = new URL(request.url ?? "/", "http://localhost").pathname;
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    if (request.method === "PUT") {
      const body = Buffer.concat(chunks);
      const etag = `"${createHash("md5").update(body).digest("hex")}"`;
      objects.set(key, { body, etag });
      response.writeHead(200, { etag }).end();
      return;
    }
    const found = objects.get(key);
    if (request.method === "DELETE") {
      objects.delete(key);
      response.writeHead(204).end();
    } else if (found === undefined) {
      response.writeHead(404, { "content-type": "application/xml" });
      response.end("<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>");
    } else {
      response.writeHead(200, { etag: found.etag, "content-length": found.body.length }).end(found.body);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
