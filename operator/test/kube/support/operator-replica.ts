import { join } from "node:path";
import type { ApiServer } from "../../../../kube/test/support/api-server.ts";
import { Component } from "../../../../kube/test/support/component.ts";
import { drawPorts } from "../../../../kube/test/support/draw.ts";
import { FaultProxy, type ProxiedRequest } from "../../../../kube/test/support/fault-proxy.ts";
import { eventually } from "../../../../kube/test/support/wait.ts";

const program = join(import.meta.dirname, "..", "..", "..", "bin", "spiceai-operator.mjs");

let started = 0;

/** `spiceai-operator run` as a process that reaches the API server by a proxy of its own. */
export class OperatorReplica {
  readonly proxy: FaultProxy;
  readonly webhookAddress: string;
  readonly #component: Component;
  readonly #metrics: string;

  private constructor(component: Component, proxy: FaultProxy, metrics: string, webhookAddress: string) {
    this.#component = component;
    this.proxy = proxy;
    this.#metrics = metrics;
    this.webhookAddress = webhookAddress;
  }

  /**
   * Starts a replica with the arguments of the chart's Deployment and a token of its service account. `proxy` has the
   * faults that it begins with; it is stopped with the replica.
   */
  static async start(
    api: ApiServer,
    options: { readonly token: string; readonly args: readonly string[]; readonly proxy?: FaultProxy },
  ): Promise<OperatorReplica> {
    const proxy = options.proxy ?? (await FaultProxy.start(api));
    const [metrics = 0, webhook = 0] = await drawPorts(2);
    const bound = options.args
      .map((arg) => arg.replace(/^(--webhook-bind-address)=(?!off).*/, `$1=127.0.0.1:${webhook}`))
      .map((arg) => arg.replace(/^(--metrics-bind-address)=.*/, `$1=127.0.0.1:${metrics}`))
      .map((arg) => arg.replace(/^(--health-probe-bind-address)=.*/, "$1=127.0.0.1:0"));
    const access = { token: options.token, namespace: "spice-system", server: proxy.url };
    const run = [program, ...bound, "--kubeconfig", api.kubeconfig(access)];
    started += 1;
    const component = new Component(`operator-${started}`, process.execPath, run, api.dir);
    return new OperatorReplica(component, proxy, `http://127.0.0.1:${metrics}`, `127.0.0.1:${webhook}`);
  }

  get pid(): number {
    return this.#component.pid;
  }

  get alive(): boolean {
    return this.#component.alive;
  }

  /** All lines of its log. */
  get lines(): readonly Record<string, unknown>[] {
    const lines = this.#component.log().split("\n");
    return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as never);
  }

  tail(): string {
    return this.#component.tail(8);
  }

  /** What it logged as an error, or wrote besides its log: nothing in a good run. */
  get errors(): readonly string[] {
    const lines = this.#component.log().split("\n");
    return lines.filter((line) => line !== "" && (!line.startsWith("{") || line.includes('"level":"error"')));
  }

  /** Requests that change something of a cluster: not its Lease, its events, or its own webhook. */
  get writes(): readonly ProxiedRequest[] {
    return this.proxy.seen.filter(isWrite);
  }

  /** SIGKILL, at once. */
  kill(): void {
    process.kill(this.pid, "SIGKILL");
  }

  freeze(): void {
    process.kill(this.pid, "SIGSTOP");
  }

  thaw(): void {
    process.kill(this.pid, "SIGCONT");
  }

  /** Its metrics in Prometheus' text format. */
  async metrics(): Promise<string> {
    const response = await fetch(`${this.#metrics}/metrics`, { signal: AbortSignal.timeout(10_000) });
    return await response.text();
  }

  /** The sum of a metric over all label sets that contain `labels`. */
  async metric(name: string, labels = ""): Promise<number> {
    const lines = (await this.metrics()).split("\n");
    const ours = lines.filter((line) => new RegExp(`^${name}(\\{| )`).test(line) && line.includes(labels));
    return ours.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }

  async leading(): Promise<void> {
    await eventually(
      "the operator to lead",
      async () => {
        if (!this.alive) throw new Error(`it has ended:\n${this.tail()}`);
        return (await this.metric("spiceai_operator_leader")) === 1;
      },
      { timeoutMs: 60_000 },
    );
  }

  /** SIGTERM, SIGKILL after `graceMs`; then its proxy ends. */
  async stop(graceMs = 12_000): Promise<void> {
    await this.#component.stop(graceMs);
    await this.proxy.stop();
  }

  /** Resolves when the process has ended, by whatever. */
  async ended(): Promise<void> {
    await eventually("the operator to end", () => !this.alive, { timeoutMs: 60_000, everyMs: 10 });
  }
}

/** Whether a request changes something of a cluster. */
export function isWrite({ method, path }: { readonly method: string; readonly path: string }): boolean {
  return (
    method !== "GET" && !/\/(leases|events|validatingwebhookconfigurations)\b|\/spice-system\//.test(path)
  );
}
