import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { cacheDir } from "../../scripts/testbed/provision.ts";
import { clearAbandoned, clearCluster } from "../local/clear.ts";
import { meetingPlaces } from "../local/layout.ts";
import { birthOf, isKept, readState } from "../local/state.ts";
import type { Cluster, Provider, UpOptions } from "./provider.ts";

/** All clusters of this machine, each in a directory of its name. */
const home = join(cacheDir, "clusters");
const startLimitMs = 300_000;

/** A whole Kubernetes in namespaces of this machine: Linux, as root. */
export const local: Provider = {
  name: "local",

  async up(name: string, options: UpOptions): Promise<Cluster> {
    await clearAbandoned(home);
    const dir = join(home, name);
    if (readState(dir)?.ready === true) return clusterIn(dir);
    await startKeeper(dir, options);
    return clusterIn(dir);
  },

  async find(name: string): Promise<Cluster> {
    const dir = join(home, name);
    const state = readState(dir);
    if (state === undefined || !state.ready || !isKept(state))
      throw new Error(`the local cluster ${name} is not up: run make cluster-up`);
    return clusterIn(dir);
  },

  async down(name: string): Promise<void> {
    const dir = join(home, name);
    const state = readState(dir);
    if (state !== undefined && isKept(state)) {
      process.kill(state.pid, "SIGTERM");
      while (isKept(state)) await delay(50);
    }
    if (existsSync(dir)) await clearCluster(dir);
    await clearAbandoned(home);
  },
};

async function startKeeper(dir: string, { nodes, endsWithCaller }: UpOptions): Promise<void> {
  mkdirSync(dir, { recursive: true });
  const keeper = [
    process.execPath,
    "--conditions=source",
    join(import.meta.dirname, "..", "local", "keeper.ts"),
  ];
  const [program = "", ...args] = [...(endsWithCaller ? ["setpriv", "--pdeathsig", "TERM"] : []), ...keeper];
  const child = spawn(program, [...args, dir, String(nodes)], { stdio: "ignore", detached: !endsWithCaller });
  child.unref();
  const { pid } = child;
  const until = performance.now() + startLimitMs;
  while (readState(dir)?.ready !== true) {
    await delay(200);
    const late = performance.now() > until;
    if (!late && pid !== undefined && birthOf(pid) !== undefined) continue;
    if (late) child.kill("SIGTERM");
    const log = meetingPlaces(dir).log;
    const said = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").slice(-30).join("\n") : "";
    throw new Error(`the local cluster in ${dir} did not start: ${said}`);
  }
}

function clusterIn(dir: string): Cluster {
  const { kubeconfig, control } = meetingPlaces(dir);
  return {
    kubeconfig,
    loadImage: (archive) => post(control, `/images?archive=${encodeURIComponent(archive)}`),
  };
}

function post(socketPath: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const order = request({ socketPath, path, method: "POST" }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.once("end", () => (response.statusCode === 200 ? resolve() : reject(new Error(text))));
    });
    order.once("error", reject).end();
  });
}
