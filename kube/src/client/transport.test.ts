import { afterEach, describe, expect, it } from "@jest/globals";
import { FakeApiServer } from "../testing/fake-api-server.ts";
import { type ConnectionMaterial, Transport } from "./transport.ts";

describe("Transport", () => {
  const server = new FakeApiServer();
  afterEach(() => server.stop());

  it("opens new connections when certificates change, and leaves requests under way alone", async () => {
    let material: ConnectionMaterial = { headers: { authorization: "Bearer a" }, tls: { ca: "one" } };
    const credentials = { current: async () => material, invalidate: () => {} };
    const transport = new Transport({ server: await server.start(), credentials });
    const never = new AbortController().signal;
    const get = async (path: string) => {
      const { code, text } = await transport.request({ method: "GET", path, signal: never });
      for await (const _ of text);
      return code;
    };
    const path = "/api/v1/configmaps";
    expect(await get(path)).toBe(200);
    expect(await get(path)).toBe(200);
    expect(server.connections).toBe(1);
    const stop = new AbortController();
    const watch = await transport.request({
      method: "GET",
      path: `${path}?watch=true&resourceVersion=100`,
      signal: stop.signal,
    });
    const events = watch.text[Symbol.asyncIterator]();
    expect((await events.next()).value).toContain("BOOKMARK");
    material = { headers: { authorization: "Bearer b" }, tls: { ca: "two" } };
    expect(await get(path)).toBe(200);
    expect(server.connections).toBe(2);
    expect(server.requests.at(-1)?.headers.authorization).toBe("Bearer b");
    server.store.put("/configmaps", {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "a", namespace: "n" },
    });
    expect((await events.next()).value).toContain("ADDED");
    stop.abort(new Error("end"));
    await expect(events.next()).rejects.toThrow("end");
    transport.close();
  });
});
