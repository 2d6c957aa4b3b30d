import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { TestProcess } from "./process.ts";

export interface S3TestServer {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
  /** Parameters for `openStore` or `runtime.scheduler.params`. */
  readonly params: Readonly<Record<string, string>>;
  readonly pid: number;
  /** End the server and remove its data. */
  stop(): Promise<void>;
}

/** `versitygw` honours conditional writes; `s3s-fs` lets several writers win and serves as negative control. */
export type S3TestServerKind = "versitygw" | "s3s-fs";

const binaries = { versitygw: "TEST_VERSITYGW", "s3s-fs": "TEST_S3S_FS" } as const;
const accessKey = "test-access";
const secretKey = "test-secret-key";
const bucket = "test-bucket";

/** Start a real S3 server on a drawn loopback port, with one empty bucket in a temporary directory. */
export async function startS3Server(kind: S3TestServerKind = "versitygw"): Promise<S3TestServer> {
  const binary = process.env[binaries[kind]];
  if (binary === undefined) throw new Error(`${binaries[kind]} is not set; run: make test TIER=store`);
  const dir = await mkdtemp(join(tmpdir(), `${kind}-`));
  try {
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort();
      const server = new TestProcess(kind, binary, argumentsOf(kind, port, dir), { cwd: dir });
      try {
        await listening(server, port);
        const endpoint = `http://127.0.0.1:${port}`;
        await createBucket(endpoint);
        return {
          endpoint,
          accessKey,
          secretKey,
          bucket,
          params: { endpoint, region: "us-east-1", auth: "key", key: accessKey, secret: secretKey },
          pid: server.pid,
          stop: async () => {
            await server.stop(2_000);
            await rm(dir, { recursive: true, force: true });
          },
        };
      } catch (error) {
        // Another process may have taken the drawn port in between.
        await server.stop(0);
        if (attempt === 3) throw error;
      }
    }
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

function argumentsOf(kind: S3TestServerKind, port: number, dir: string): string[] {
  switch (kind) {
    case "versitygw":
      return [
        ...["--access", accessKey, "--secret", secretKey, "--port", `127.0.0.1:${port}`],
        ...["--keep-alive", "--quiet", "posix", dir],
      ];
    case "s3s-fs":
      return [
        ...["--host", "127.0.0.1", "--port", String(port)],
        ...["--access-key", accessKey, "--secret-key", secretKey, dir],
      ];
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(server: TestProcess, port: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < 10_000; waitedMs += 20) {
    if (server.child.exitCode !== null || server.child.signalCode !== null) break;
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (open) return;
    await delay(20);
  }
  throw new Error(`${server.name} does not listen on port ${port}:\n${server.tail()}`);
}

async function createBucket(endpoint: string): Promise<void> {
  const client = new S3Client({
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  });
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  } finally {
    client.destroy();
  }
}
