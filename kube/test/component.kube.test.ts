import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it } from "@jest/globals";
import { eventually } from "./support/wait.ts";

/** Running, that is not a zombie that nobody has reaped yet. */
function runs(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text[text.lastIndexOf(")") + 2] !== "Z";
}

it("ends with the process that started it, even one that is killed", async () => {
  const dir = mkdtempSync(join(tmpdir(), "component-"));
  const program = join(process.env["TEST_KUBERNETES_BIN"] ?? "", "etcd");
  const support = join(import.meta.dirname, "support", "component.ts");
  const flags = ["--data-dir", dir, "--listen-peer-urls", "http://127.0.0.1:0"];
  const args = JSON.stringify([...flags, "--listen-client-urls", "http://127.0.0.1:0", ...advertised]);
  const script = `
    const { Component } = await import(${JSON.stringify(support)});
    const etcd = new Component("etcd", ${JSON.stringify(program)}, ${args}, ${JSON.stringify(dir)});
    console.log(etcd.pid);
    setInterval(() => {}, 1000);
  `;
  const parent = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [line] = await new Promise<string[]>((resolve, reject) => {
      createInterface({ input: parent.stdout }).once("line", (text) => resolve([text]));
      parent.once("error", reject);
    });
    const pid = Number(line);
    await eventually("etcd to work", () => existsSync(join(dir, "member")));
    expect(runs(pid)).toBe(true);
    parent.kill("SIGKILL");
    await eventually("etcd to end", () => !runs(pid));
  } finally {
    parent.kill("SIGKILL");
    await rm(dir, { recursive: true, force: true });
  }
});

const advertised = [
  ...["--advertise-client-urls", "http://127.0.0.1:1", "--initial-advertise-peer-urls", "http://127.0.0.1:1"],
  ...["--initial-cluster", "default=http://127.0.0.1:1"],
];
