import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { eventually } from "../../kube/test/support/wait.ts";
import { cacheDir } from "../../scripts/testbed/provision.ts";
import { local } from "../providers/local.ts";
import { readState } from "./state.ts";

const name = `test-${randomBytes(3).toString("hex")}`;
const dir = join(cacheDir, "clusters", name);

afterAll(() => local.down(name));

/** What the machine has of the cluster, by every way that could be left behind. */
function traces() {
  const state = readState(dir);
  return {
    processes: globSync("/proc/[0-9]*/cmdline").filter((file) => {
      try {
        return readFileSync(file, "utf8").includes(dir);
      } catch {
        return false; // it has just ended
      }
    }).length,
    mounts: readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .filter((line) => line.includes(dir)).length,
    cgroups: (state?.cgroups ?? []).flatMap((path) => globSync(`/sys/fs/cgroup{,/*}${path}`)).length,
    directory: existsSync(dir),
  };
}

const machine = () => ({
  networks: execFileSync("ip", ["netns", "list"], { encoding: "utf8" }),
  links: execFileSync("ip", ["-o", "link"], { encoding: "utf8" }).trim().split("\n").length,
  kernel: ["vm/overcommit_memory", "kernel/panic"].map((file) => readFileSync(`/proc/sys/${file}`, "utf8")),
});

const kubectl = (...args: readonly string[]) =>
  execFileSync(process.env["TEST_KUBECTL"] ?? "kubectl", args, {
    encoding: "utf8",
    env: { ...process.env, KUBECONFIG: join(dir, "kubeconfig") },
  });

const onlyLocal = (process.env["PROVIDER"] ?? "local") === "local" ? test : test.skip;

onlyLocal(
  "a local cluster has nodes without a way out, and leaves nothing, also when it is killed",
  async () => {
    const before = machine();
    await local.up(name, { nodes: 1, endsWithCaller: true });
    expect(kubectl("get", "nodes", "--output=jsonpath={.items[*].metadata.name}")).toBe("node-a");
    const { pid } = readState(dir) ?? { pid: 0 };
    const inside =
      execFileSync("pgrep", ["-f", `inside.ts ${dir}`], { encoding: "utf8" }).split("\n")[0] ?? "";
    const routes = execFileSync("nsenter", ["-t", inside, "-n", "ip", "route"], { encoding: "utf8" });
    expect(routes).toContain("198.18.0.0/24");
    expect(routes).not.toContain("default");
    expect(traces().processes).toBeGreaterThan(5);
    expect(machine()).toEqual(before);

    process.kill(pid, "SIGKILL");
    await eventually("all processes to end", () => traces().processes === 0, { timeoutMs: 60_000 });
    expect(traces()).toMatchObject({ mounts: 0, directory: true });
    await local.down(name);
    expect(traces()).toEqual({ processes: 0, mounts: 0, cgroups: 0, directory: false });
    expect(machine()).toEqual(before);

    await local.up(name, { nodes: 1, endsWithCaller: true });
    const cgroups = readState(dir)?.cgroups ?? [];
    await local.down(name);
    expect(cgroups.flatMap((path) => globSync(`/sys/fs/cgroup{,/*}${path}`))).toEqual([]);
    expect(traces()).toEqual({ processes: 0, mounts: 0, cgroups: 0, directory: false });
    expect(machine()).toEqual(before);
  },
  240_000,
);
