/**
 * An executor in a process of its own, for tests and benches: `node --conditions=source serve-executor.ts SETTINGS`.
 * Prints one line of JSON with its port, and one with its resident bytes for every line on standard input.
 */
import { createInterface } from "node:readline";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { mtlsServerCredentials } from "../../tls/grpc-credentials.ts";
import type { CertificateFiles } from "../../tls/load-certificates.ts";
import { CertificateSource } from "../../tls/node-certificates.ts";
import { addExchangeService, exchangeServerOptions } from "../grpc/grpc-server.ts";
import { TestExecutor } from "./executor.ts";

export interface ServeSettings {
  /** SELECT of the only partition (`a`) of table `t`. */
  readonly select: string;
  readonly certificates?: CertificateFiles;
  readonly threads?: number;
}

const settings = JSON.parse(process.argv[2] ?? "") as ServeSettings;
const executor = await TestExecutor.start({ threads: settings.threads ?? 1 });
await executor.add("t", "a", settings.select);
const server = new Server(exchangeServerOptions);
addExchangeService(server, { runner: executor.runner, authorize: () => undefined });
const log = { info: () => undefined, warn: (...line: unknown[]) => console.error(...line) };
const source = settings.certificates && (await CertificateSource.open(settings.certificates, { log }));
server.bindAsync(
  "127.0.0.1:0",
  source === undefined ? ServerCredentials.createInsecure() : mtlsServerCredentials(source),
  (error, port) => {
    if (error !== null) throw error;
    console.log(JSON.stringify({ port }));
  },
);
const lines = createInterface({ input: process.stdin });
lines.on("line", () => console.log(JSON.stringify({ rss: process.memoryUsage.rss() })));
lines.on("close", async () => {
  server.forceShutdown();
  source?.close();
  await executor.stop();
  process.exit(0);
});
