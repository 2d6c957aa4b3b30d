import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { TestProcess } from "./process.ts";

const root = join(import.meta.dirname, "../../..");

export interface ClusterOptions {
  readonly executors: number;
  readonly schedulers?: number;
  /** Text of the spicepod; `STATE` in it stands for the state location. */
  readonly spicepod: string;
  /** Replaces the state in a local directory, e.g. `s3://bucket/state/`. */
  readonly stateLocation?: string;
  readonly env?: Record<string, string>;
  /** Further flags of every node. */
  readonly flags?: readonly string[];
}

/** Real `spiced` processes on loopback with drawn ports, in a directory that goes away with them. */
export class TestCluster {
  readonly dir: string;
  readonly schedulers: TestProcess[] = [];
  readonly executors: TestProcess[] = [];
  readonly #options: ClusterOptions;

  private constructor(dir: string, options: ClusterOptions) {
    this.dir = dir;
    this.#options = options;
  }

  static async start(options: ClusterOptions): Promise<TestCluster> {
    const cluster = new TestCluster(await mkdtemp(join(tmpdir(), "spice-cluster-")), options);
    try {
      const state = options.stateLocation ?? `file://${cluster.dir}/state/`;
      await writeFile(join(cluster.dir, "spicepod.yaml"), options.spicepod.replaceAll("STATE", state));
      for (let i = 0; i < (options.schedulers ?? 1); i++) await cluster.startScheduler();
      for (let i = 0; i < options.executors; i++) await cluster.startExecutor(i);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  async startScheduler(flags: readonly string[] = []): Promise<TestProcess> {
    const process = this.#spawn(`scheduler-${this.schedulers.length}`, [
      "--role=scheduler",
      "--http=127.0.0.1:0",
      "--metrics=127.0.0.1:0",
      "--node-bind-address=127.0.0.1:0",
      "--node-advertise-address=127.0.0.1",
      "--allow-insecure-connections",
      ...flags,
    ]);
    this.schedulers.push(process);
    await listening(process, "cluster");
    await listening(process, "http");
    return process;
  }

  /** Start, or start again under the same id, executor `index`. */
  async startExecutor(index: number, flags: readonly string[] = []): Promise<TestProcess> {
    const scheduler = await listening(this.schedulers.find((s) => s.child.exitCode === null)!, "cluster");
    const previous = this.executors[index];
    const bind = previous === undefined ? "127.0.0.1:0" : await listening(previous, "cluster");
    const dataDir = join(this.dir, `executor-${index}`);
    await mkdir(dataDir, { recursive: true });
    const process = this.#spawn(`executor-${index}`, [
      "--role=executor",
      `--scheduler-address=http://${scheduler}`,
      "--http=127.0.0.1:0",
      "--metrics=127.0.0.1:0",
      `--node-bind-address=${bind}`,
      "--node-advertise-address=127.0.0.1",
      `--data-dir=${dataDir}`,
      "--allow-insecure-connections",
      ...flags,
    ]);
    this.executors[index] = process;
    await listening(process, "cluster");
    return process;
  }

  async http(index = 0): Promise<string> {
    return `http://${await listening(this.schedulers[index]!, "http")}`;
  }

  async metrics(process: TestProcess): Promise<string> {
    const response = await fetch(`http://${await listening(process, "metrics")}/metrics`);
    return response.text();
  }

  /** Wait until the first scheduler says that every accelerated table is loaded. */
  async ready(timeoutMs = 60_000): Promise<void> {
    const url = `${await this.http()}/v1/ready?verbose=true`;
    const until = Date.now() + timeoutMs;
    let last = "";
    while (Date.now() < until) {
      const response = await fetch(url).catch((error: unknown) => String(error));
      if (typeof response !== "string") {
        last = await response.text();
        if (response.status === 200) return;
      } else last = response;
      await delay(100);
    }
    throw new Error(`not ready after ${timeoutMs} ms: ${last}\n${this.tails()}`);
  }

  /** Rows of a statement as JSON objects. */
  async sql(statement: string, scheduler = 0): Promise<Record<string, unknown>[]> {
    const response = await fetch(`${await this.http(scheduler)}/v1/sql`, { method: "POST", body: statement });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`HTTP ${response.status}: ${text}`);
    return JSON.parse(text) as Record<string, unknown>[];
  }

  tails(): string {
    return [...this.schedulers, ...this.executors].map((p) => `--- ${p.name}\n${p.tail(15)}`).join("\n");
  }

  async stop(): Promise<void> {
    await Promise.all(this.executors.map((p) => p.stop()));
    await Promise.all(this.schedulers.map((p) => p.stop()));
    await rm(this.dir, { recursive: true, force: true });
  }

  #spawn(name: string, args: readonly string[]): TestProcess {
    return new TestProcess(
      name,
      join(root, "node_modules/.bin/node"),
      [join(root, "runtime/bin/spiced.mjs"), ...args, ...(this.#options.flags ?? [])],
      { cwd: this.dir, env: { SPICED_LOG: "info", NODE_OPTIONS: undefined, ...this.#options.env } },
    );
  }
}

/** The address that a node logged for one of its servers. */
export async function listening(
  process: TestProcess,
  server: "http" | "cluster" | "metrics",
): Promise<string> {
  const line = await process.line((l) => l.message === "Listening" && l["server"] === server);
  return String(line["address"]);
}
