import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type S3TestServer, startS3Server } from "../../../test/support/s3-server.ts";
import { openStore } from "../../adapters/store/open.ts";
import { runCli } from "../program.ts";
import { TestIo } from "../testing/test-io.ts";

let server: S3TestServer;
let cwd: string;

beforeAll(async () => {
  server = await startS3Server();
  cwd = mkdtempSync(join(tmpdir(), "spice-state-"));
});
afterAll(async () => {
  await server?.stop();
  rmSync(cwd, { recursive: true, force: true });
});

async function spice(...args: string[]) {
  const io = new TestIo(cwd, {});
  const code = await runCli(args, io, "1.2.3");
  return { code, out: io.out, err: io.err };
}

test("a cluster's state on S3 is removed with the spicepod's own parameters", async () => {
  const { bucket, params } = server;
  const location = `s3://${bucket}/removed/`;
  const spicepod = {
    version: "v1",
    kind: "Spicepod",
    name: "sales",
    secrets: [{ from: "env", name: "env" }],
    runtime: {
      scheduler: { state_location: location, params: { ...params, secret: `\${env:STATE_SECRET}` } },
    },
  };
  writeFileSync(join(cwd, "spicepod.yaml"), JSON.stringify(spicepod));
  const store = openStore(location, params);
  const sha = "0f".repeat(32);
  try {
    for (const key of ["cluster.json", `app/${sha}.yaml`, `assignments/${sha}.json`, "events/1.parquet"])
      await store.put(key, Buffer.from(key), { kind: "any" });
    process.env["STATE_SECRET"] = server.secretKey;
    expect(await spice("cluster", "state", "remove")).toEqual({
      code: 0,
      out: `Removed 3 objects at ${location}.\n`,
      err: "",
    });
    const left: string[] = [];
    for await (const { key } of store.list("")) left.push(key);
    expect(left).toEqual(["events/1.parquet"]);
    expect((await spice("cluster", "state", "remove")).out).toBe(`Removed 0 objects at ${location}.\n`);
  } finally {
    delete process.env["STATE_SECRET"];
    await store.close();
  }
});

test("what is missing is told", async () => {
  writeFileSync(join(cwd, "plain.yaml"), JSON.stringify({ version: "v1", kind: "Spicepod", name: "plain" }));
  expect(await spice("cluster", "state", "remove", "--spicepod", "plain.yaml")).toMatchObject({
    code: 1,
    err: "plain.yaml names no runtime.scheduler.state_location\n",
  });
  const absent = await spice("cluster", "state", "remove", "--spicepod", "absent.yaml");
  expect([absent.code, absent.err]).toEqual([1, expect.stringContaining("absent.yaml cannot be read")]);
});
