import { readFileSync } from "node:fs";
import { DeleteObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { extensionFiles } from "../../../test/support/duckdb-extensions.ts";
import { type S3TestServer, startS3Server } from "../../../test/support/s3-server.ts";
import { assigned, openBed, type TableBed } from "../../../test/support/table-bed.ts";
import { openFiles } from "./files.ts";

let server: S3TestServer;
let bed: TableBed;
let client: S3Client;
beforeAll(async () => {
  server = await startS3Server();
  bed = await openBed({ extensions: extensionFiles("httpfs") });
  client = new S3Client({
    region: "us-east-1",
    endpoint: server.endpoint,
    forcePathStyle: true,
    credentials: { accessKeyId: server.accessKey, secretAccessKey: server.secretKey },
  });
});
afterAll(async () => {
  client?.destroy();
  await bed?.close();
  await server?.stop();
});

const upload = async (key: string, sql: string) => {
  await bed.parquet("upload", sql);
  const Body = readFileSync(`${bed.directory}/source/upload.parquet`);
  await client.send(new PutObjectCommand({ Bucket: server.bucket, Key: key, Body }));
  return Body.length;
};
const url = (path: string) => `s3://${server.bucket}/${path}`;

test("objects of S3 are listed, read and told apart by their ETags", async () => {
  await upload("t/a.parquet", "SELECT range AS id, 'p' || range % 2 AS part FROM range(100)");
  await upload("t/deep/b.parquet", "SELECT range AS id, 'p' || range % 2 AS part FROM range(100, 110)");
  await upload("other/c.parquet", "SELECT 1 AS id, 'p0' AS part");
  const table = await bed.open({ name: "s3a" }, url("t/"), server.params);
  await table.load(assigned("p0", "p1"), bed.signal);
  expect(table.partitions().map((p) => p.rows)).toEqual([55, 55]);
  expect((await table.refresh({}, bed.signal)).unchanged).toBe(true);
  await upload("t/a.parquet", "SELECT range AS id, 'p' || range % 2 AS part FROM range(50)");
  expect(await table.refresh({}, bed.signal)).toMatchObject({ unchanged: false, rows: 60 });
  const one = openFiles(bed.database, url("t/*.parquet"), server.params);
  expect(await one.schema()).toEqual([
    { name: "id", type: "BIGINT", nullable: true },
    { name: "part", type: "VARCHAR", nullable: true },
  ]);
  await one.close();
});

test("only the needed byte ranges of an object are fetched", async () => {
  const size = await upload(
    "wide/w.parquet",
    "SELECT range AS id, 'p0' AS part, repeat(md5(range::VARCHAR) || md5((range + 1)::VARCHAR), 4) AS pad FROM range(200000)",
  );
  const { connect, createServer } = await import("node:net");
  let bytes = 0;
  const target = Number(new URL(server.endpoint).port);
  const proxy = createServer((inbound) => {
    const outbound = connect(target, "127.0.0.1");
    outbound.on("data", (chunk) => {
      bytes += chunk.length;
    });
    inbound.pipe(outbound).pipe(inbound);
    inbound.on("error", () => outbound.destroy());
    outbound.on("error", () => inbound.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", () => resolve()));
  const address = proxy.address() as { port: number };
  try {
    const params = { ...server.params, endpoint: `http://127.0.0.1:${address.port}` };
    const source = openFiles(bed.database, url("wide/w.parquet"), params);
    const scan = await source.open({});
    expect(await bed.database.rows(`SELECT max(id)::INTEGER AS m FROM ${scan.relation}`)).toEqual([
      { m: 199999 },
    ]);
    await source.close();
    expect(size).toBeGreaterThan(4_000_000);
    expect(bytes).toBeGreaterThan(1000);
    expect(bytes).toBeLessThan(size / 3);
  } finally {
    await new Promise<void>((resolve) => {
      proxy.close(() => resolve());
    });
  }
});

test("append takes new objects once, and wrong credentials are a clear error that shows no secret", async () => {
  await upload("log/1.parquet", "SELECT 1 AS id, 'p0' AS part");
  const table = await bed.open({ name: "s3log", refreshMode: "append" }, url("log/*.parquet"), server.params);
  await table.load(assigned("p0"), bed.signal);
  await upload("log/2.parquet", "SELECT 2 AS id, 'p0' AS part");
  await client.send(new DeleteObjectCommand({ Bucket: server.bucket, Key: "log/1.parquet" }));
  await table.refresh({}, bed.signal);
  await table.refresh({}, bed.signal);
  expect(await bed.query(table, "SELECT id FROM {t} ORDER BY id")).toEqual([{ id: 1 }, { id: 2 }]);
  const wrong = openFiles(bed.database, url("log/"), { ...server.params, secret: "not-the-secret" });
  const failure = await wrong.schema().catch((error: Error) => error);
  expect(failure).toMatchObject({
    name: "SourceError",
    message: expect.stringContaining("cannot be listed"),
  });
  expect(String((failure as Error).message)).not.toContain("not-the-secret");
});
