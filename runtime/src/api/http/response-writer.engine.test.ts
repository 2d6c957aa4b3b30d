import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "@jest/globals";
import { type Piece, sendBody } from "./response-writer.ts";

/** What a client reads of a body of these pieces. */
async function received(pieces: readonly Piece[], between: () => Promise<unknown>): Promise<string> {
  return (await answer(pieces, between)).text;
}

async function answer(pieces: readonly Piece[], between: () => Promise<unknown>) {
  async function* body() {
    for (const piece of pieces) {
      yield piece;
      await between();
    }
  }
  const server = createServer((_, response) => {
    const head = (bytes?: number) =>
      response.writeHead(200, {
        "content-type": "text/plain",
        ...(bytes === undefined ? {} : { "content-length": bytes }),
      });
    sendBody(response, body(), head, new AbortController().signal).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/`);
    return { text: await response.text(), length: response.headers.get("content-length") };
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

test("a short text is sent with its length in bytes, and not in chunks", async () => {
  const turn = () => Promise.resolve();
  expect(await answer(["→ü\n"], turn)).toEqual({ text: "→ü\n", length: "6" });
  expect(await answer([""], turn)).toEqual({ text: "", length: "0" });
  expect(await answer([Buffer.from("bytes")], turn)).toEqual({ text: "bytes", length: null });
  expect(await answer(["x".repeat(70_000)], turn)).toMatchObject({ length: null });
});

test.each([1, 2, 3, 40])("a body of %i pieces arrives whole", async (count) => {
  const pieces = Array.from({ length: count }, (_, i) => `${i}:${"x".repeat(i % 3 === 0 ? 70_000 : 10)};`);
  expect(await received(pieces, () => Promise.resolve())).toBe(pieces.join(""));
  expect(await received(pieces, () => new Promise((resolve) => setImmediate(resolve)))).toBe(pieces.join(""));
});
