import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A network of the test's own: only loopback, so that default ports are free whatever runs on this machine. */
export interface NetworkNamespace {
  /** Put before a command to run it inside. */
  readonly wrapper: readonly string[];
  stop(): Promise<void>;
}

/** Make one; needs root and util-linux. It ends with the process that holds it. */
export async function openNamespace(): Promise<NetworkNamespace> {
  const holder = spawn("unshare", ["--net", "sh", "-c", "ip link set lo up && echo up && exec cat"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => holder.once("exit", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    holder.once("error", reject);
    holder.once("exit", (code) => reject(new Error(`no network namespace: unshare ended with ${code}`)));
    createInterface({ input: holder.stdout }).once("line", () => resolve());
  });
  return {
    wrapper: ["nsenter", `--net=/proc/${holder.pid}/ns/net`],
    async stop() {
      holder.stdin.end();
      await ended;
    },
  };
}
