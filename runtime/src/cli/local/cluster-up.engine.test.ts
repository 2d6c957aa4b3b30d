import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { TestIo } from "../testing/test-io.ts";
import { ClusterDir } from "./cluster-dir.ts";
import { stopCluster } from "./cluster-down.ts";
import { startCluster } from "./cluster-up.ts";
import { freePorts } from "./free-port.ts";
import { isAlive, processStart, signalProcess } from "./process-identity.ts";

const program = join(import.meta.dirname, "..", "testing", "fake-spiced.mjs");

describe("the local cluster", () => {
  let cwd: string;
  let io: TestIo;
  let http: string;
  beforeEach(async () => {
    cwd = mkdtempSync(join(tmpdir(), "cluster-up-"));
    writeFileSync(join(cwd, "spicepod.yaml"), "version: v1\n");
    io = new TestIo(cwd);
    http = `127.0.0.1:${(await freePorts("127.0.0.1", 1))[0]}`;
  });
  afterEach(async () => {
    const dir = new ClusterDir(cwd);
    await stopCluster(dir, dir.read()?.processes ?? []);
    rmSync(cwd, { recursive: true });
  });

  const start = (executors = 2) =>
    startCluster(io, { executors, spicepod: "spicepod.yaml", http, readyTimeoutMs: 20_000, program });

  test("starts, waits until it is ready, refuses a second one, and stops exactly its own processes", async () => {
    const record = await start();
    expect(record.processes.map(({ name }) => name)).toEqual(["scheduler", "executor-1", "executor-2"]);
    expect(record.processes.every(isAlive)).toBe(true);
    expect(io.err).toMatch(/Ready after .*flights \[#{24}\] 12\/12 partitions/);
    expect(statSync(join(cwd, ".spice/cluster-local/pki/executor-2.key")).mode & 0o777).toBe(0o600);
    await expect(start()).rejects.toThrow(/already running at http:\/\/127/);

    const dir = new ClusterDir(cwd);
    // A record whose start time is another process's must not end this one.
    const [scheduler, ...rest] = record.processes;
    const foreign = { ...scheduler!, start: "1" };
    expect(await stopCluster(dir, [foreign])).toEqual([]);
    expect(isAlive(scheduler!)).toBe(true);
    expect(await stopCluster(dir, [scheduler!, ...rest])).toEqual(["scheduler", "executor-1", "executor-2"]);
    expect(record.processes.some(isAlive)).toBe(false);
    expect(dir.read()).toBeUndefined();
  });

  test("says which port is in use", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(Number(http.split(":")[1]), "127.0.0.1", resolve));
    try {
      await expect(start()).rejects.toThrow(
        `${http} is in use. Stop what uses it, or choose another with --http`,
      );
    } finally {
      server.close();
    }
  });

  test("shows the last lines of a process that died, and leaves none behind", async () => {
    writeFileSync(join(cwd, "executors-fail"), "");
    await expect(start(1)).rejects.toThrow(
      /executor-1 ended before the cluster was ready[\s\S]*no such certificate/,
    );
    expect(new ClusterDir(cwd).read()).toBeUndefined();
  });

  test("wants a spicepod", async () => {
    rmSync(join(cwd, "spicepod.yaml"));
    await expect(start()).rejects.toThrow(/There is no spicepod at .*spicepod.yaml/);
  });
});

describe("processStart", () => {
  test("tells this process from none", () => {
    const start = processStart(process.pid);
    expect(start).toMatch(/^\d+$/);
    expect(processStart(process.pid)).toBe(start);
    expect(processStart(2 ** 22 + 1)).toBeUndefined();
    expect(() => signalProcess({ pid: process.pid, start: "0" }, "SIGKILL")).not.toThrow();
  });
});
