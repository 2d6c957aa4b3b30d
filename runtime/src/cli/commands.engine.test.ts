import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type CliBed, openCliBed } from "./testing/cli-bed.ts";

describe("spice", () => {
  let bed: CliBed;
  beforeEach(async () => {
    bed = await openCliBed();
  });
  afterEach(() => bed.close());
  const spice = (args: readonly string[], input?: string) => bed.spice(args, input);
  const ask = (...args: string[]) => spice([...args, "--endpoint", bed.endpoint]);

  test("query prints a table, JSON or CSV", async () => {
    const sql = "SELECT 1 AS a, 'x' AS b;";
    expect(await ask("query", sql)).toEqual({
      code: 0,
      err: "",
      out: "+---+---+\n| a | b |\n+---+---+\n| 1 | x |\n+---+---+\n",
    });
    expect((await ask("query", sql, "--output", "json")).out).toBe('[{"a":1,"b":"x"}]\n');
    expect((await spice(["--output", "csv", "--http-endpoint", bed.endpoint, "query", sql])).out).toBe(
      "a,b\r\n1,x\r\n",
    );
  });

  test("sql runs the statements of its input, of -c and of its arguments, and stops at an error", async () => {
    const csv = ["--output", "csv", "--endpoint", bed.endpoint];
    expect((await spice(["sql", ...csv], "SELECT 1 AS a;\nSELECT ';' AS b -- no end\n")).out).toBe(
      "a\r\n1\r\nb\r\n;\r\n",
    );
    expect((await spice(["sql", "-c", "SELECT 2 AS c", ...csv])).out).toBe("c\r\n2\r\n");
    const failed = await spice(["sql", "SELECT 1 AS a; SELEC 2; SELECT 3 AS d", ...csv]);
    expect(failed).toMatchObject({ code: 1, out: "a\r\n1\r\n" });
    expect(failed.err).toMatch(/Parser Error[\s\S]*SELEC 2/);
    expect(await spice(["sql", ...csv], "SELECT 1 AS a;\n\\d\n")).toEqual({
      code: 2,
      out: "a\r\n1\r\n",
      err: "\\d is a command of the prompt, which needs a terminal. Here only SQL runs, such as SHOW TABLES or DESCRIBE flights.\n",
    });
  });

  test("status, datasets, partitions and refresh", async () => {
    expect((await ask("status")).out).toMatch(
      /\| executor \| exec-0:50052 +\| Ready +\| +12\/12 \| 3,000,000 \|/,
    );
    expect((await ask("datasets")).out).toMatch(/\| flights \| arrow +\| Ready +\| +12\/12 \|/);
    expect((await ask("partitions", "flights")).out).toMatch(
      /\| bucket\(12, origin\) \|[\s\S]*\| 0 +\| exec-0:50052 \|/,
    );
    expect(JSON.parse((await ask("partitions", "flights", "--output", "json")).out)).toMatchObject([
      { epoch: 4 },
    ]);
    expect((await ask("partitions", "flights", "--output", "csv")).out.split("\n").slice(0, 2)).toEqual([
      "value,owner,replicas,epoch,version,state,rows,bytes,last_refresh,last_snapshot",
      '"{""bucket(12, origin)"":""0""}",exec-0:50052,[],4,2,loaded,250000,80000,2023-11-14T22:13:20.000Z,',
    ]);
    expect(await ask("refresh", "flights", "--refresh-mode", "append")).toMatchObject({
      code: 0,
      out: "Dataset refresh triggered for flights.\n",
    });
    expect(bed.node.refreshes).toEqual([{ dataset: "flights", request: { refreshMode: "append" } }]);
  });

  test("exit codes and messages", async () => {
    expect(await ask("partitions", "nope")).toMatchObject({ code: 1, err: "Dataset nope not found\n" });
    expect(await ask("query", "SELECT 1; SELECT 2")).toMatchObject({ code: 2 });
    expect(await ask("stauts")).toMatchObject({
      code: 2,
      err: expect.stringContaining("Did you mean status?"),
    });
    expect(await ask("status", "--output", "xml")).toMatchObject({ code: 2 });
    expect(await spice(["status", "--endpoint", "nowhere"])).toMatchObject({ code: 2 });
    const nobody = await spice(["status", "--endpoint", "http://127.0.0.1:1"]);
    expect(nobody).toMatchObject({ code: 1, err: expect.stringMatching(/Cannot reach .*spice cluster up/) });
    expect(await spice(["--version"])).toMatchObject({ code: 0, out: "1.2.3\n" });
    // What asks no node takes none.
    expect(await spice(["cluster", "down", "--endpoint", bed.endpoint])).toMatchObject({ code: 2 });
    expect(await spice(["cluster", "down"])).toMatchObject({
      code: 0,
      out: "No local cluster is running here.\n",
    });
  });

  test("cluster tls init asks before it overwrites, add needs a CA and a plain name", async () => {
    const dir = join(bed.cwd, "pki");
    const missing = await spice(["cluster", "tls", "add", "n1", "--dir", dir]);
    expect(missing).toMatchObject({
      code: 1,
      err: "CA certificate not found. Run 'spice cluster tls init' first.\n",
    });
    expect((await spice(["cluster", "tls", "init", "--dir", dir])).code).toBe(0);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(join(dir, "ca.key")).mode & 0o777).toBe(0o600);
    const created = statSync(join(dir, "ca.crt")).ino;
    const kept = await spice(["cluster", "tls", "init", "--dir", dir], "n\n");
    expect(kept.out).toContain("CA certificate already exists. Overwrite (y/n)? ");
    expect(statSync(join(dir, "ca.crt")).ino).toBe(created);
    await spice(["cluster", "tls", "init", "--dir", dir], "y\n");
    expect(statSync(join(dir, "ca.crt")).ino).not.toBe(created);
    expect((await spice(["cluster", "tls", "add", "n1", "--dir", dir])).out).toContain(
      `--node-mtls-key-file ${join(dir, "n1.key")}`,
    );
    expect(existsSync(join(dir, "n1.crt"))).toBe(true);
    expect(await spice(["cluster", "tls", "add", "n 1", "--dir", dir])).toMatchObject({
      code: 2,
      err: "client name can only contain letters, numbers, hyphens, and underscores\n",
    });
    expect((await spice(["cluster", "tls", "add", "n2", "--role", "executor", "--dir", dir])).code).toBe(2);
  });
});
