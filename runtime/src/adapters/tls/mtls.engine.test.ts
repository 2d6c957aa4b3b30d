import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ChannelCredentials, credentials, Server, type ServerCredentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { FragmentRunner } from "../../ports/exchange.ts";
import { GrpcExchange } from "../exchange/grpc/grpc-client.ts";
import { addExchangeService } from "../exchange/grpc/grpc-server.ts";
import { PeerRefusedError } from "../exchange/grpc/grpc-status.ts";
import { fragment, readAll } from "../exchange/testing/executor.ts";
import { mtlsChannelCredentials, mtlsServerCredentials } from "./grpc-credentials.ts";
import { logRefusedHandshakes, peerRole, refuseCall } from "./grpc-peer.ts";
import { type CertificateFiles, loadCertificates } from "./load-certificates.ts";
import { CertificateSource } from "./node-certificates.ts";
import { advertisedHost, type NodeRole } from "./node-identity.ts";
import { TestCa } from "./testing/certificates.ts";

const never = new AbortController().signal;
const ask = fragment("SELECT 1", [["x", "INTEGER"]]);

class Log {
  readonly lines: string[] = [];
  info = (message: string, detail: Record<string, unknown>) => this.#add(message, detail);
  warn = (message: string, detail: Record<string, unknown>) => this.#add(message, detail);
  #add(message: string, detail: Record<string, unknown>) {
    this.lines.push(`${message} ${JSON.stringify(detail)}`);
  }
}

/** A server that answers every fragment with one frame, and a second when `go` settles. */
class Node {
  readonly log = new Log();
  readonly server = new Server();
  readonly seen: (string | undefined)[] = [];
  go: Promise<void> = Promise.resolve();
  port = 0;

  async start(serverCredentials: ServerCredentials, source?: CertificateSource): Promise<void> {
    const runner: FragmentRunner = {
      run: () => ({
        frames: this.#frames(),
        stats: Promise.resolve({ rows: 2, bytes: 2, durationMs: 1, ungrouped: false }),
      }),
    };
    addExchangeService(this.server, {
      runner,
      authorize: (call) => {
        this.seen.push(peerRole(call));
        const reason = source && refuseCall(source, call, ["scheduler"], this.log);
        if (reason !== undefined) throw new PeerRefusedError(reason);
      },
    });
    this.port = await new Promise((resolve, reject) => {
      this.server.bindAsync("127.0.0.1:0", serverCredentials, (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    logRefusedHandshakes(this.server, this.log);
  }

  async *#frames() {
    yield Buffer.from("1");
    await this.go;
    yield Buffer.from("2");
  }

  exchange(channelCredentials: ChannelCredentials): GrpcExchange {
    return new GrpcExchange({
      address: () => `127.0.0.1:${this.port}`,
      credentials: () => channelCredentials,
    });
  }

  /** What one call with these credentials gives: the frames, or the error. */
  async call(channelCredentials: ChannelCredentials): Promise<string> {
    const exchange = this.exchange(channelCredentials);
    try {
      const frames = await readAll(exchange.run("e", { ...ask, deadlineMs: 3_000 }, never));
      return frames.map(String).join();
    } catch (error) {
      return String(error);
    } finally {
      exchange.close();
    }
  }
}

const open: { close(): void }[] = [];
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "mtls-"));
});
afterAll(() => {
  for (const item of open) item.close();
  rmSync(directory, { recursive: true, force: true });
});

async function source(files: CertificateFiles, log = new Log()): Promise<CertificateSource> {
  const opened = await CertificateSource.open(files, { log, pollMs: 200 });
  open.push(opened);
  return opened;
}

async function node(from: CertificateSource): Promise<Node> {
  const started = new Node();
  await started.start(mtlsServerCredentials(from), from);
  open.push({ close: () => started.server.forceShutdown() });
  return started;
}

function newCa(name?: string): TestCa {
  const ca = new TestCa(name);
  open.push(ca);
  return ca;
}

const toExecutor = (from: CertificateSource, log = new Log(), roles: NodeRole["role"][] = ["executor"]) =>
  mtlsChannelCredentials(from, roles, log);

describe("certificates made with the documented openssl lines", () => {
  const script = `
# Generate CA
openssl req -x509 -newkey rsa:4096 -days 365 -nodes \
-keyout ca-key.pem -out ca-cert.pem \
-subj "/CN=Spice Cluster CA"
# Generate scheduler certificate
openssl req -newkey rsa:4096 -nodes \
-keyout scheduler-key.pem -out scheduler-req.pem \
-subj "/CN=scheduler.example.com"
openssl x509 -req -in scheduler-req.pem -CA ca-cert.pem \
-CAkey ca-key.pem -CAcreateserial -out scheduler-cert.pem -days 365
# Generate executor certificate (repeat for each executor)
openssl req -newkey rsa:4096 -nodes \
-keyout executor-key.pem -out executor-req.pem \
-subj "/CN=executor-1.example.com"
openssl x509 -req -in executor-req.pem -CA ca-cert.pem \
-CAkey ca-key.pem -CAcreateserial -out executor-cert.pem -days 365
`;

  test("two nodes with them talk, by common name only and whatever their addresses", async () => {
    const folder = mkdtempSync(join(directory, "openssl-"));
    execFileSync("bash", ["-euc", script], { cwd: folder, stdio: "pipe" });
    const files = (name: string): CertificateFiles => ({
      caCertificateFile: join(folder, "ca-cert.pem"),
      certificateFile: join(folder, `${name}-cert.pem`),
      keyFile: join(folder, `${name}-key.pem`),
    });
    const executor = await node(await source(files("executor")));
    const scheduler = await source(files("scheduler"));
    expect(scheduler.current().identity).toEqual({
      commonName: "scheduler.example.com",
      dnsNames: [],
      roles: [],
    });
    expect(advertisedHost(scheduler.current().identity)).toBe("scheduler.example.com");
    expect(await executor.call(toExecutor(scheduler))).toBe("1,2");
    expect(executor.log.lines).toEqual([]);
  });
});

describe("peers that are refused", () => {
  let ca: TestCa;
  let executor: Node;
  let scheduler: CertificateSource;
  beforeAll(async () => {
    ca = newCa();
    const own = ca.leaf(join(directory, "executor"), {
      commonName: "executor-0",
      dnsNames: ["executor-0.pods.svc", "executor.sales.prod"],
    });
    executor = await node(await source(own));
    scheduler = await source(
      ca.leaf(join(directory, "scheduler"), {
        commonName: "scheduler-0",
        uris: ["spiffe://prod/sales/scheduler/0"],
      }),
    );
  });

  test("the right role is let through, and known to the callee", async () => {
    expect(await executor.call(toExecutor(scheduler))).toBe("1,2");
    expect(executor.seen.at(-1)).toBe("scheduler");
  });

  test("plain text, a foreign CA, no certificate: refused with a line that says why", async () => {
    const foreign = newCa("Foreign");
    const stranger = await source(
      foreign.leaf(join(directory, "stranger"), { commonName: "scheduler.sales.prod" }),
    );
    const { ca: trusted } = scheduler.current();
    const { certificate, key } = stranger.current();
    const anyName = { checkServerIdentity: () => undefined };
    const cases: [ChannelCredentials, RegExp][] = [
      [credentials.createInsecure(), /does not speak TLS/],
      [credentials.createSsl(trusted, null, null, anyName), /showed no certificate/],
      [credentials.createSsl(trusted, key, certificate, anyName), /not of this cluster's CA/],
    ];
    for (const [offered, reason] of cases) {
      executor.log.lines.length = 0;
      expect(await executor.call(offered)).toMatch(/^ExecutorUnavailableError|^TimeoutError/);
      expect(executor.log.lines.join("\n")).toMatch(reason);
    }
    expect(await executor.call(toExecutor(stranger))).toMatch(/ExecutorUnavailableError.*certificate/);
  });

  test("an expired certificate is not loaded, and refused when a peer shows it", async () => {
    const files = ca.leaf(join(directory, "expired"), {
      commonName: "scheduler-1",
      dnsNames: ["scheduler.sales.prod"],
      days: -1,
    });
    await expect(loadCertificates(files)).rejects.toThrow(/expired at/);
    const trusted = readFileSync(files.caCertificateFile);
    const [key, certificate] = [readFileSync(files.keyFile), readFileSync(files.certificateFile)];
    const offered = credentials.createSsl(trusted, key, certificate, {
      checkServerIdentity: () => undefined,
    });
    executor.log.lines.length = 0;
    expect(await executor.call(offered)).toMatch(/^ExecutorUnavailableError/);
    expect(executor.log.lines.join("\n")).toMatch(/has expired/);
  });

  test("a wrong role is refused by the caller and by the callee", async () => {
    const log = new Log();
    expect(await executor.call(toExecutor(scheduler, log, ["scheduler"]))).toMatch(
      /executor-0 is for executor\.sales\.prod; scheduler\.sales\.prod is needed/,
    );
    expect(log.lines.join()).toMatch(/A peer's certificate was refused/);
    const other = await source(
      ca.leaf(join(directory, "other"), {
        commonName: "executor-1",
        dnsNames: ["executor.sales.prod"],
      }),
    );
    executor.log.lines.length = 0;
    expect(await executor.call(toExecutor(other))).toMatch(
      /PeerRefusedError.*scheduler\.sales\.prod is needed here/,
    );
    expect(executor.log.lines.join()).toMatch(/A call was refused/);
    const none = await source(ca.leaf(join(directory, "none"), { commonName: "by-hand" }));
    expect(await executor.call(toExecutor(none))).toMatch(/carries no role SAN/);
  });
});

describe("certificates that change", () => {
  test("a swapped volume is used by new handshakes, open streams go on, a torn set is not taken", async () => {
    const ca = newCa();
    const volume = mkdtempSync(join(directory, "volume-"));
    const leaf = (name: string) => ca.leaf(join(volume, `..${name}`), { commonName: name });
    leaf("one");
    symlinkSync("..one", join(volume, "..data"));
    for (const file of ["ca.crt", "tls.crt", "tls.key"]) symlinkSync(`..data/${file}`, join(volume, file));
    const files = {
      caCertificateFile: join(volume, "ca.crt"),
      certificateFile: join(volume, "tls.crt"),
      keyFile: join(volume, "tls.key"),
    };
    const log = new Log();
    const own = await source(files, log);
    const executor = await node(own);
    const client = await source(ca.leaf(join(directory, "client"), { commonName: "client" }));
    const served = async () => {
      const { ca: trusted, certificate, key } = client.current();
      let name = "";
      const checkServerIdentity = (_: string, shown: { subject: { CN?: string | string[] } }) => {
        name = String(shown.subject.CN);
        return undefined;
      };
      expect(
        await executor.call(credentials.createSsl(trusted, key, certificate, { checkServerIdentity })),
      ).toBe("1,2");
      return name;
    };
    expect(await served()).toBe("one");

    // An open stream waits for its second frame while the volume is swapped as a kubelet does.
    const held = Promise.withResolvers<void>();
    executor.go = held.promise;
    const exchange = executor.exchange(toExecutor(client));
    const stream = exchange.run("e", ask, never).frames[Symbol.asyncIterator]();
    expect(String((await stream.next()).value)).toBe("1");
    leaf("two");
    symlinkSync("..two", join(volume, "..data_tmp"));
    renameSync(join(volume, "..data_tmp"), join(volume, "..data"));
    await until(() => own.current().identity.commonName === "two");
    executor.go = Promise.resolve();
    expect(await served()).toBe("two");
    held.resolve();
    expect(String((await stream.next()).value)).toBe("2");
    expect((await stream.next()).done).toBe(true);
    exchange.close();

    // A key that does not belong to the certificate, and half a file.
    leaf("three");
    copyFileSync(join(volume, "..three/tls.key"), join(volume, "..two/tls.key"));
    await until(() => log.lines.some((line) => /is not the key of the certificate/.test(line)));
    writeFileSync(join(volume, "..two/tls.crt"), "-----BEGIN CERTIFICATE-----\nMIIB");
    await until(() => log.lines.some((line) => /is cut off/.test(line)));
    expect(own.current().identity.commonName).toBe("two");
    expect(await served()).toBe("two");
  });

  test("every problem with the files at start has its message", async () => {
    const ca = newCa();
    const a = ca.leaf(join(directory, "a"), { commonName: "a" });
    const b = ca.leaf(join(directory, "b"), { commonName: "b" });
    await expect(loadCertificates({ ...a, keyFile: b.keyFile })).rejects.toThrow(
      /is not the key of the certificate/,
    );
    await expect(loadCertificates({ ...a, certificateFile: a.keyFile })).rejects.toThrow(
      /holds no certificate/,
    );
    await expect(loadCertificates({ ...a, keyFile: a.certificateFile })).rejects.toThrow(
      /holds no private key/,
    );
    await expect(source({ ...a, keyFile: "/nowhere" })).rejects.toThrow(/Cannot read .*ENOENT/);
  });
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("This did not happen within 5 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("plain TCP that says nothing does not fill the log", async () => {
  const ca = newCa();
  const executor = await node(await source(ca.leaf(join(directory, "quiet"), { commonName: "quiet" })));
  const socket = connect(executor.port, "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(executor.log.lines).toEqual([]);
});
