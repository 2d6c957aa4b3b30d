/**
 * `node inside.ts DIR ID NODES`: a whole Kubernetes, in namespaces of its own for processes, mounts and network, which
 * `keeper.ts` made. All of it ends with this process.
 */
import { rmSync } from "node:fs";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { connect, createServer } from "node:net";
import { pipeline } from "node:stream";
import { eventually } from "../../kube/test/support/wait.ts";
import { command } from "./command.ts";
import { ControlPlane } from "./control-plane.ts";
import { addresses, meetingPlaces, nodePlaces } from "./layout.ts";
import { makeNetwork, pretendKernelSettings } from "./network.ts";
import { importImage, startNode } from "./node.ts";
import { makeSandboxImage } from "./sandbox-image.ts";

const [dir = "", id = "", count = "2"] = process.argv.slice(2);
const nodes = nodePlaces(dir, id, Number(count));
const places = meetingPlaces(dir);

await seclude();
await makeNetwork(nodes);
const sandbox = await makeSandboxImage(dir);
const bin = required("TEST_KUBERNETES_BIN");
const plane = await ControlPlane.start(dir, nodes, { bin, kubectl: required("TEST_KUBECTL") });
const components = [...plane.components];
await Promise.all(nodes.map(async (node) => components.push(...(await startNode(node, plane, sandbox)))));
await eventually(
  "the nodes to be ready",
  () =>
    plane.kubectl([
      "wait",
      "--for=condition=Ready",
      ...nodes.map(({ name }) => `node/${name}`),
      "--timeout=50s",
    ]),
  { timeoutMs: 150_000, everyMs: 500 },
);
for (const file of [places.api, places.control]) rmSync(file, { force: true });
createServer((from) => {
  const to = connect(addresses.apiPort, addresses.controlPlane);
  // Whoever ends a connection ends it on both sides; there is nobody to tell.
  pipeline(from, to, () => {});
  pipeline(to, from, () => {});
}).listen(places.api);
createHttpServer((request, response) => {
  obey(request).then(
    (text) => response.end(text),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
}).listen(places.control);
setInterval(() => {
  const dead = components.find(({ alive }) => !alive);
  if (dead === undefined) return;
  console.error(`${dead.name} has ended:\n${dead.tail()}`);
  process.exit(1);
}, 1000);

/** `GET /` answers when all is ready; `POST /images?archive=FILE` gives every node an image. */
async function obey({ method, url = "/" }: IncomingMessage): Promise<string> {
  const { pathname, searchParams } = new URL(url, "http://control");
  const archive = searchParams.get("archive");
  if (method === "GET" && pathname === "/") return "ready";
  if (method !== "POST" || pathname !== "/images" || archive === null) throw new Error(`${method} ${url}?`);
  await Promise.all(nodes.map((node) => importImage(node, archive)));
  return "imported";
}

/** Hide places that Kubernetes' programs share by fixed names. Nothing that is mounted here is seen outside. */
async function seclude(): Promise<void> {
  for (const place of ["/run", "/var/lib", "/var/log"])
    await command("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", place);
  // What pods ask to be propagated needs a shared mount to start from.
  await command("mount", "--bind", dir, dir);
  await command("mount", "--make-rshared", dir);
  await pretendKernelSettings(dir);
}

function required(variable: string): string {
  const value = process.env[variable];
  if (value === undefined) throw new Error(`${variable} is not set; run: make cluster-up`);
  return value;
}
