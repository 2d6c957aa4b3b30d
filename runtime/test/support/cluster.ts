import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { TestProcess } from "./process.ts";

const root = join(import.meta.dirname, "../../..");
const node = join(root, "node_modules/.bin/node");
const spicedProgram = join(root, "runtime/bin/spiced.mjs");

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
  /** Flags of one node instead of `--allow-insecure-connections`; `name` is `scheduler-0`, `executor-1`, … */
  readonly security?: (name: string) => readonly string[];
}

/** How one node differs from the others. */
export interface NodeOptions {
  readonly flags?: readonly string[];
  readonly env?: Record<string, string>;
}

/** Run `spiced` with these arguments; the caller stops it. */
export function spawnSpiced(
  name: string,
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string | undefined>; wrapper?: readonly string[] },
): TestProcess {
  const [command, ...rest] = [...(options.wrapper ?? []), node, spicedProgram, ...args] as [
    string,
    ...string[],
  ];
  return new TestProcess(name, command, rest, {
    cwd: options.cwd,
    env: { SPICED_LOG: "info", NODE_OPTIONS: undefined, ...options.env },
  });
}

/** Real `spiced` processes on loopback with drawn ports, in a directory that goes away with them. */
export class TestCluster {
  readonly dir: string;
  readonly schedulers: TestProcess[] = [];
  readonly executors: TestProcess[] = [];
  readonly #options: ClusterOptions;
  /** `host:port` of internal servers by name: a node that comes back takes its old one. */
  readonly #addresses = new Map<string, string>();

  private constructor(dir: string, options: ClusterOptions) {
    this.dir = dir;
    this.#options = options;
  }

  static async start(options: ClusterOptions): Promise<TestCluster> {
    const cluster = new TestCluster(await mkdtemp(join(tmpdir(), "spice-cluster-")), options);
    try {
      await cluster.writeSpicepod(options.spicepod);
      for (let i = 0; i < (options.schedulers ?? 1); i++) await cluster.startScheduler(i);
      await Promise.all(Array.from({ length: options.executors }, (_, i) => cluster.startExecutor(i)));
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  async writeSpicepod(text: string): Promise<void> {
    const state = this.#options.stateLocation ?? `file://${this.dir}/state/`;
    await writeFile(join(this.dir, "spicepod.yaml"), text.replaceAll("STATE", state));
  }

  dataDir(executor: number): string {
    return join(this.dir, `executor-${executor}`);
  }

  /** Start, or start again under the same id, scheduler `index`; it may be waiting for its id afterwards. */
  async startScheduler(index = 0, options: NodeOptions = {}): Promise<TestProcess> {
    const name = `scheduler-${index}`;
    const process = this.#spawn(name, ["--role=scheduler"], options);
    this.schedulers[index] = process;
    this.#addresses.set(name, await listening(process, "cluster"));
    await listening(process, "http");
    return process;
  }

  /** Start, or start again under the same id, executor `index`. */
  async startExecutor(index: number, options: NodeOptions = {}): Promise<TestProcess> {
    const name = `executor-${index}`;
    const living = this.schedulers.findIndex((s) => s.alive);
    if (living < 0) throw new Error("no scheduler is running");
    const scheme = this.#options.security === undefined ? "http" : "https";
    const address = this.#addresses.get(`scheduler-${living}`);
    await mkdir(this.dataDir(index), { recursive: true });
    const process = this.#spawn(
      name,
      ["--role=executor", `--scheduler-address=${scheme}://${address}`, `--data-dir=${this.dataDir(index)}`],
      options,
    );
    this.executors[index] = process;
    this.#addresses.set(name, await listening(process, "cluster"));
    return process;
  }

  async http(index = 0): Promise<string> {
    return `http://${await listening(this.schedulers[index]!, "http")}`;
  }

  async get<T>(path: string, scheduler = 0): Promise<T> {
    const response = await fetch(`${await this.http(scheduler)}${path}`);
    const text = await response.text();
    if (response.status !== 200) throw new Error(`HTTP ${response.status}: ${text}`);
    return JSON.parse(text) as T;
  }

  async metrics(process: TestProcess): Promise<string> {
    const response = await fetch(`http://${await listening(process, "metrics")}/metrics`);
    return response.text();
  }

  /** Wait until a scheduler says that every accelerated table is loaded. */
  async ready(timeoutMs = 60_000, scheduler = 0): Promise<void> {
    const url = `${await this.http(scheduler)}/v1/ready?verbose=true&min_ready_executors=${this.#options.executors}`;
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

  /** End every process, whatever state it is in. */
  async stopProcesses(): Promise<void> {
    await Promise.all(this.executors.map((p) => p.stop()));
    await Promise.all(this.schedulers.map((p) => p.stop()));
  }

  async stop(): Promise<void> {
    try {
      await this.stopProcesses();
    } finally {
      await rm(this.dir, { recursive: true, force: true });
    }
  }

  #spawn(name: string, role: readonly string[], options: NodeOptions): TestProcess {
    const args = [
      ...role,
      "--http=127.0.0.1:0",
      "--metrics=127.0.0.1:0",
      `--node-bind-address=${this.#addresses.get(name) ?? "127.0.0.1:0"}`,
      "--node-advertise-address=127.0.0.1",
      ...(this.#options.security?.(name) ?? ["--allow-insecure-connections"]),
      ...(this.#options.flags ?? []),
      ...(options.flags ?? []),
    ];
    // So that a first assignment need not wait for further executors to come.
    const expected = { SPICED_EXPECTED_EXECUTORS: String(this.#options.executors) };
    return spawnSpiced(name, args, {
      cwd: this.dir,
      env: { ...expected, ...this.#options.env, ...options.env },
    });
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

/** Look again until `look` gives a value; throws with the last thing that it threw when time is up. */
export async function eventually<T>(
  look: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 20_000,
): Promise<T> {
  const until = Date.now() + timeoutMs;
  let last: unknown = "it did not happen";
  while (Date.now() < until) {
    try {
      const value = await look();
      if (value !== undefined) return value;
    } catch (error) {
      last = error;
    }
    await delay(100);
  }
  throw new Error(`not within ${timeoutMs} ms: ${String((last as Error).message ?? last)}`, { cause: last });
}
