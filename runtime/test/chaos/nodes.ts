import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { listening, spawnSpiced } from "../support/cluster.ts";
import type { TestProcess } from "../support/process.ts";
import { LinkProxy, type LinkProxyOptions } from "./link-proxy.ts";

export type Role = "scheduler" | "executor";

export interface NodeMeans {
  readonly dir: string;
  readonly network: LinkProxyOptions["network"];
  readonly caller: LinkProxyOptions["caller"];
  readonly env: Record<string, string>;
  /** Flags besides the role's own. */
  readonly flags: () => readonly string[];
  /** A process began, or ended without being told to. */
  readonly onStart: (node: ChaosNode, process: TestProcess) => void;
  readonly onEnd: (node: ChaosNode, code: number | NodeJS.Signals) => void;
}

/**
 * One place in the cluster (`s0`, `e3`): a process that may die and come back behind the same address, which is that of
 * a proxy. Its id is that address.
 */
export class ChaosNode {
  readonly name: string;
  readonly role: Role;
  readonly #means: NodeMeans;
  #proxy: LinkProxy | undefined;
  #process: TestProcess | undefined;
  #at: { host: string; port: number } | undefined;
  #http: string | undefined;
  /** `/v1/ready?scope=node` was 200 since the process began: what a Service looks at before it sends clients. */
  #ready = false;
  #frozen = false;
  #ending = false;
  /** Until when its clients have to bear with it, on the monotonic clock. */
  #excusedUntilMs = 0;

  constructor(name: string, role: Role, means: NodeMeans) {
    this.name = name;
    this.role = role;
    this.#means = means;
  }

  /** `host:port`: the id in the cluster. */
  get id(): string {
    if (this.#proxy === undefined) throw new Error(`${this.name} was never started`);
    return this.#proxy.address;
  }

  /** Was it ever started under its present id? */
  get known(): boolean {
    return this.#proxy !== undefined;
  }

  /** Where its internal server listens, behind the proxy. */
  get internal(): { readonly host: string; readonly port: number } | undefined {
    return this.alive ? this.#at : undefined;
  }

  get process(): TestProcess | undefined {
    return this.#process;
  }

  get alive(): boolean {
    return this.#process?.alive === true;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  /** Serving HTTP, as far as this test did not end or freeze it. */
  get url(): string | undefined {
    return this.alive && this.#http !== undefined ? `http://${this.#http}` : undefined;
  }

  /** As {@link url}, once a Service would send clients there. */
  get routedUrl(): string | undefined {
    return this.#ready ? this.url : undefined;
  }

  /** Why clients may go without an answer of this node; undefined when they may not. */
  get excuse(): string | undefined {
    if (this.#frozen) return "frozen";
    if (!this.alive || this.#ending || this.#http === undefined) return "not running";
    return performance.now() < this.#excusedUntilMs ? "it was hurt just now" : undefined;
  }

  /** Start, or start again under the same id. Resolves when it listens, which a scheduler does before it is a member. */
  async start(env: Record<string, string> = {}): Promise<void> {
    if (this.alive) throw new Error(`${this.name} runs already`);
    this.#proxy ??= await LinkProxy.start({
      to: this.name,
      network: this.#means.network,
      caller: this.#means.caller,
      target: () => this.internal,
    });
    const dataDir = join(this.#means.dir, this.name);
    await mkdir(dataDir, { recursive: true });
    const process = spawnSpiced(
      this.name,
      [
        `--role=${this.role}`,
        "--http=127.0.0.1:0",
        "--node-bind-address=127.0.0.1:0",
        `--node-advertise-address=${this.#proxy.address}`,
        "--allow-insecure-connections",
        `--data-dir=${dataDir}`,
        ...this.#means.flags(),
      ],
      { cwd: this.#means.dir, env: { ...this.#means.env, ...env } },
    );
    this.#process = process;
    this.#http = undefined;
    this.#ready = false;
    this.#ending = false;
    this.#means.onStart(this, process);
    void process.exited.then((code) => {
      this.#hurt();
      if (!this.#ending) this.#means.onEnd(this, code);
    });
    const [host, port] = (await listening(process, "cluster")).split(":") as [string, string];
    this.#at = { host, port: Number(port) };
    const http = await listening(process, "http");
    this.#hurt();
    this.#http = http;
    void this.#probe(process);
  }

  /** Forget the id: the next start is another member. */
  async rename(): Promise<void> {
    await this.#proxy?.stop();
    this.#proxy = undefined;
  }

  async kill(): Promise<void> {
    this.#ending = true;
    this.#frozen = false;
    this.#process?.kill("SIGKILL");
    await this.#process?.exited;
  }

  /** SIGTERM, and wait for the end. */
  async stop(): Promise<void> {
    this.#ending = true;
    if (this.#frozen) this.thaw();
    await this.#process?.stop(15_000);
  }

  freeze(): void {
    this.#frozen = true;
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#hurt();
    this.#frozen = false;
    this.#process?.kill("SIGCONT");
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** End it for good. */
  async close(): Promise<void> {
    this.#ending = true;
    if (this.#frozen) this.thaw();
    await this.#process?.stop(5_000);
    await this.#proxy?.stop();
  }

  /** Ask the process until it says that it can work. */
  async #probe(process: TestProcess): Promise<void> {
    while (process.alive && this.#process === process && !this.#ready) {
      const url = `${this.url}/v1/ready?scope=node`;
      const probe = fetch(url, { signal: AbortSignal.timeout(2_000) });
      // No answer is an answer: not yet.
      const status = await probe.then((response) => response.status).catch(() => 0);
      if (this.#process === process) this.#ready = status === 200;
      await delay(100);
    }
  }

  /** Clients may notice for a moment longer what happened to the node. */
  #hurt(): void {
    this.#excusedUntilMs = performance.now() + 2_000;
  }
}
