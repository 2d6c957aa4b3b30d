/**
 * `node keeper.ts DIR NODES`: keeps a local cluster until SIGTERM, and then leaves nothing of it. A killed keeper takes
 * every process, mount and network of its cluster along; the next one removes the empty rest.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { clearCluster } from "./clear.ts";
import { meetingPlaces, nodePlaces } from "./layout.ts";
import { birthOf, type ClusterState, writeState } from "./state.ts";

const [dir = "", count = "2"] = process.argv.slice(2);
const id = randomBytes(4).toString("hex");
const places = meetingPlaces(dir);
const state: ClusterState = {
  pid: process.pid,
  born: birthOf(process.pid) ?? "",
  cgroups: nodePlaces(dir, id, Number(count)).map(({ cgroup }) => cgroup),
  ready: false,
};
mkdirSync(dir, { recursive: true });
writeState(dir, state);

const inside = startInside();
let ending = false;
const ended = new Promise<void>((resolve) => inside.once("exit", () => resolve()));
const stop = async (code: number): Promise<void> => {
  if (ending) return;
  ending = true;
  inside.kill("SIGKILL");
  await ended;
  if (code === 0) await clearCluster(dir);
  process.exit(code);
};
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => void stop(0));
// Its log stays for whoever asks why; the next cluster removes it.
inside.once("exit", () => void stop(1));

while (!(await answers())) await delay(200);
const server = createServer((from) => {
  const to = connect(places.api);
  pipeline(from, to, () => {});
  pipeline(to, from, () => {});
}).listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  const text = readFileSync(join(dir, "admin.kubeconfig"), "utf8");
  const config = text.replace(/https:\/\/[^"]+/, `https://127.0.0.1:${port}`);
  writeFileSync(places.kubeconfig, config, { mode: 0o600 });
  writeState(dir, { ...state, ready: true });
});

/**
 * Namespaces end with their first process: the shell, which also reaps what pods leave behind. The kernel kills it when
 * `unshare` ends, and `unshare` when this process does.
 */
function startInside(): ChildProcess {
  const namespaces = [
    "--pid",
    "--mount",
    "--net",
    "--ipc",
    "--uts",
    "--mount-proc",
    "--fork",
    "--kill-child",
  ];
  const program = [
    process.execPath,
    "--conditions=source",
    join(import.meta.dirname, "inside.ts"),
    dir,
    id,
    count,
  ];
  const log = openSync(places.log, "w");
  try {
    return spawn(
      "setpriv",
      ["--pdeathsig", "KILL", "unshare", ...namespaces, "bash", "-c", '"$@" & wait $!', "inside", ...program],
      { stdio: ["ignore", log, log] },
    );
  } finally {
    closeSync(log);
  }
}

function answers(): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request({ socketPath: places.control, path: "/" }, (response) => {
      response.resume().once("end", () => resolve(response.statusCode === 200));
    });
    probe.once("error", () => resolve(false)).end();
  });
}
