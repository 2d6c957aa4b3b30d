import { execFile } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);
const spice = join(import.meta.dirname, "..", "..", "runtime", "bin", "spice.mjs");

/** kubectl and Helm on the story's cluster. */
export class Kubectl {
  readonly #namespace: string;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /** @throws Error with what it wrote to its standard error */
  run(...args: readonly string[]): Promise<string> {
    return runTool("TEST_KUBECTL", ["--namespace", this.#namespace, ...args]);
  }

  helm(...args: readonly string[]): Promise<string> {
    return runTool("TEST_HELM", ["--namespace", this.#namespace, ...args]);
  }

  apply(...objects: readonly object[]): Promise<string> {
    return runTool(
      "TEST_KUBECTL",
      ["--namespace", this.#namespace, "apply", "-f", "-"],
      JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }),
    );
  }

  async get<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.run("get", ...args, "--output=json")) as T;
  }

  /** Uids of the pods that a selector finds, by name. */
  async podUids(selector: string): Promise<Readonly<Record<string, string>>> {
    const { items } = await this.get<{ items: { metadata: { name: string; uid: string } }[] }>(
      ...["pods", "--selector", selector],
    );
    return Object.fromEntries(items.map(({ metadata }) => [metadata.name, metadata.uid]));
  }

  /** Makes the support bundle of this namespace's cluster, as its user would; the folder that has it. */
  async report(...args: readonly string[]): Promise<string> {
    const folder = await mkdtemp(join(process.env["TEST_BUNDLES"] ?? tmpdir(), "bundle-"));
    const kubeconfig = process.env["STORY_KUBECONFIG"] ?? "";
    const where = ["--kubeconfig", kubeconfig, "--namespace", this.#namespace, "--output", folder];
    await execute(process.execPath, [spice, "report", ...where, ...args], { timeout: 120_000 });
    return folder;
  }

  /** All that helps to see why something failed. */
  async bundle(): Promise<string> {
    const clusters = await Promise.all([
      this.report().catch(String),
      this.report("--selector", "app.kubernetes.io/part-of=spice", "plain").catch(String),
    ]);
    const orders = [
      ["get", "all,pvc,configmap,spicepodclusters", "--output=wide"],
      ["get", "events", "--sort-by=.lastTimestamp"],
      ["describe", "pods"],
      ["logs", "--selector=app.kubernetes.io/name", "--all-containers", "--prefix", "--tail=60"],
      ["logs", "--selector=app", "--all-containers", "--prefix", "--tail=60"],
    ];
    const texts = await Promise.all(
      orders.map(async (order) => `$ kubectl ${order.join(" ")}\n${await this.run(...order).catch(String)}`),
    );
    return [...texts, `Support bundles: ${clusters.join(", ")}`].join("\n\n");
  }
}

async function runTool(variable: string, args: readonly string[], stdin?: string): Promise<string> {
  const program = process.env[variable];
  if (program === undefined) throw new Error(`${variable} is not set; run: make test TIER=pods`);
  const env = { ...process.env, KUBECONFIG: process.env["STORY_KUBECONFIG"] };
  const running = execute(program, [...args], { env, maxBuffer: 2 ** 26, timeout: 300_000 });
  running.child.stdin?.end(stdin ?? "");
  try {
    return (await running).stdout;
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim();
    throw new Error(`${program.split("/").at(-1)} ${args.join(" ")} failed: ${said || String(error)}`, {
      cause: error,
    });
  }
}
