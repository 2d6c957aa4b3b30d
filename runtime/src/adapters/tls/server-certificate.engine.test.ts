import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { openServerCertificate } from "./server-certificate.ts";
import { TestCa } from "./testing/certificates.ts";

let directory: string;
let ca: TestCa;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "public-tls-"));
  ca = new TestCa();
});
afterAll(() => {
  ca.close();
  rmSync(directory, { recursive: true, force: true });
});

test("a public pair that changes is served to new connections; one that is no pair is not", async () => {
  const lines: string[] = [];
  const add = (message: string, detail: Record<string, unknown>) =>
    lines.push(`${message} ${JSON.stringify(detail)}`);
  const files = ca.leaf(join(directory, "public"), { commonName: "one" });
  const source = await openServerCertificate(files, { log: { info: add, warn: add }, pollMs: 200 });
  let finish: () => void = () => undefined;
  const server = createServer({ ...source.current() }, (incoming, response) => {
    if (incoming.url !== "/slow") return response.end("whole");
    response.write("first ");
    finish = () => response.end("second");
    return response;
  });
  source.subscribe((current) => server.setSecureContext(current));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const get = (path: string) =>
    new Promise<{ name: string; body: Promise<string> }>((resolve, reject) => {
      request({ host: "127.0.0.1", port, path, agent: false, rejectUnauthorized: false }, (response) => {
        const { subject } = (response.socket as TLSSocket).getPeerCertificate();
        const body = (async () => {
          let text = "";
          for await (const chunk of response) text += String(chunk);
          return text;
        })();
        resolve({ name: String(subject.CN), body });
      })
        .on("error", reject)
        .end();
    });
  const said = async (pattern: RegExp) => {
    for (let i = 0; i < 250 && !lines.some((line) => pattern.test(line)); i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(lines.join("\n")).toMatch(pattern);
  };
  try {
    const slow = await get("/slow");
    expect(slow.name).toBe("one");
    ca.leaf(join(directory, "public"), { commonName: "two" });
    await said(/The public certificate was read again/);
    expect((await get("/")).name).toBe("two");
    finish();
    expect(await slow.body).toBe("first second");

    const key = readFileSync(files.keyFile);
    writeFileSync(files.keyFile, readFileSync(ca.leaf(join(directory, "x"), { commonName: "x" }).keyFile));
    await said(/cannot be used; the last good ones stay.*is not the key of/);
    writeFileSync(files.keyFile, key);
    truncateSync(files.certificateFile, 200);
    await said(/cannot be used; the last good ones stay.*is cut off/);
    expect((await get("/")).name).toBe("two");
  } finally {
    source.close();
    server.closeAllConnections();
    server.close();
  }
});
