/** `node e2e/cluster.ts up|down|load ARCHIVE…`: a Kubernetes to try things on, by the provider that `PROVIDER` names. */
import { resolve } from "node:path";
import { provision } from "../scripts/testbed/provision.ts";
import { chooseProvider } from "./providers/choose.ts";

const name = process.env["CLUSTER_NAME"] ?? "default";
const [order, ...archives] = process.argv.slice(2);
const provider = chooseProvider();
switch (order) {
  case "up": {
    if (provider.name === "local") await provideLocal();
    const nodes = Number(process.env["NODES"] ?? "2");
    const { kubeconfig } = await provider.up(name, { nodes, endsWithCaller: false });
    console.log(`export KUBECONFIG=${kubeconfig}`);
    break;
  }
  case "load": {
    const cluster = await provider.find(name);
    for (const archive of archives) await cluster.loadImage(resolve(archive));
    break;
  }
  case "down":
    await provider.down(name);
    break;
  default:
    console.error("usage: node e2e/cluster.ts up|down|load ARCHIVE…");
    process.exit(2);
}

async function provideLocal(): Promise<void> {
  const { env, missing } = await provision("pods");
  for (const reason of missing) console.error(`the local cluster lacks ${reason}`);
  if (missing.length > 0) process.exit(1);
  Object.assign(process.env, env);
}
