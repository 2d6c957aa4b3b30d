import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ClusterDir } from "../local/cluster-dir.ts";
import { type CliBed, openCliBed } from "../testing/cli-bed.ts";

describe("spice report of an endpoint", () => {
  let bed: CliBed;
  let endpoint: string;
  let cwd: string;
  beforeEach(async () => {
    bed = await openCliBed();
    ({ endpoint, cwd } = bed);
  });
  afterEach(() => bed.close());
  const spice = (...args: string[]) => bed.spice(args);

  test("writes an archive that tar unpacks, readable by its owner alone", async () => {
    const { code, out } = await spice("report", "--endpoint", endpoint);
    expect(code).toBe(0);
    const [archive = ""] = readdirSync(cwd);
    expect(archive).toMatch(/^spice-report-127\.0\.0\.1-\d{8}T\d{6}Z\.tar\.gz$/);
    expect(out).toContain(`${join(cwd, archive)}: `);
    expect(statSync(join(cwd, archive)).mode & 0o777).toBe(0o600);
    execFileSync("tar", ["-xzf", archive], { cwd });
    const folder = join(cwd, archive.replace(".tar.gz", ""));
    const json = (path: string) => JSON.parse(readFileSync(join(folder, path), "utf8")) as object;
    expect(json("manifest.json")).toMatchObject({ spice_version: "1.2.3", endpoint });
    expect(json("node/datasets.json")).toMatchObject([{ name: "flights" }]);
    expect(json("node/partitions/flights.json")).toMatchObject([{ epoch: 4 }]);
    expect(json("node/cluster.json")).toMatchObject({ executors: [{ id: "exec-0:50052" }] });
  });

  test("writes a folder instead, and only a new one", async () => {
    expect((await spice("report", "--endpoint", endpoint, "--output", "here")).code).toBe(0);
    expect(existsSync(join(cwd, "here", "node", "status.json"))).toBe(true);
    const again = await spice("report", "--endpoint", endpoint, "--output", "here");
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining("is not empty") });
    expect(existsSync(join(cwd, "here", "manifest.json"))).toBe(true);
  });

  test("has the logs of a local cluster whose scheduler is gone, without secrets", async () => {
    const dir = new ClusterDir(cwd);
    const log = dir.openLog("scheduler");
    writeSync(log, '{"msg":"connecting to postgres://me:hunter22@db/x"}\nlast words\n');
    dir.closeLog(log);
    const spicepod = join(cwd, "spicepod.yaml");
    writeFileSync(spicepod, "datasets:\n  - params:\n      pg_pass: hunter22 # mine\n      pg_user: me\n");
    const nobody = { name: "scheduler", pid: 2 ** 22, start: "0", log: dir.logFile("scheduler") };
    dir.write({ endpoint: "http://127.0.0.1:1", spicepod, executors: 0, processes: [nobody] });
    const { code, out } = await spice("report", "--endpoint", "http://127.0.0.1:1", "--output", "local");
    expect(code).toBe(0);
    expect(out).toMatch(/Not collected:\n {2}node\/ready-node.txt: Cannot reach/);
    const read = (file: string) => readFileSync(join(cwd, "local", "local", file), "utf8");
    expect(read("logs/scheduler.log")).toBe(
      '{"msg":"connecting to postgres://me:[redacted]@db/x"}\nlast words\n',
    );
    expect(read("spicepod.yaml")).toBe(
      "datasets:\n  - params:\n      pg_pass: [redacted]\n      pg_user: me\n",
    );
    expect(JSON.parse(read("processes.json"))).toMatchObject({ processes: [{ alive: false }] });
  });

  test("writes nothing where nobody answers, and for wrong usage", async () => {
    expect(await spice("report", "--endpoint", "http://127.0.0.1:1")).toMatchObject({
      code: 1,
      err: expect.stringMatching(/Cannot reach[\s\S]*--namespace NAMESPACE CLUSTER/),
    });
    expect(await spice("report", "--selector", "app=x")).toMatchObject({ code: 2 });
    expect(await spice("report", "--log-lines", "many")).toMatchObject({ code: 2 });
    expect(await spice("report", "sales", "--kubeconfig", "absent")).toMatchObject({
      code: 1,
      err: expect.stringContaining("kubeconfig"),
    });
    expect(readdirSync(cwd)).toEqual([]);
    expect((await spice("report", "--help")).out).toMatch(/Exit codes: 0 a bundle/);
  });
});
