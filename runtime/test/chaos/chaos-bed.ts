import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Draw } from "../support/draw.ts";
import type { TestProcess } from "../support/process.ts";
import { ChangingSource } from "./changing-source.ts";
import { Clients } from "./clients.ts";
import { connectionOwner } from "./connection-owner.ts";
import { DocumentHistory } from "./document-history.ts";
import { Journal } from "./invariants.ts";
import { LinkProxy } from "./link-proxy.ts";
import { LogWatch } from "./log-watch.ts";
import { Network } from "./network.ts";
import { ChaosNode, type NodeMeans, type Role } from "./nodes.ts";
import { spicepod } from "./spicepod.ts";
import { StateStore } from "./state-store.ts";

export const lostAfterMs = 5_000;
const schedulerNames = ["s0", "s1", "s2"] as const;
const executorNames = ["e0", "e1", "e2", "e3", "e4"] as const;
const publishEveryMs = 1_500;
const clientCount = 3;
/** The first node's start to a healthy cluster on two cores that nobody else uses, with room. */
const quietStartMs = 25_000;
/** Twice what a node holds after minutes of this load. */
const memoryLimitBytes = 600 * 2 ** 20;

/**
 * A living cluster whose every link is behind a proxy: three schedulers, five executors, an S3 server, a source that
 * changes all the time, and clients that know the answers. Invariants are watched from {@link ChaosBed.arm} on.
 */
export class ChaosBed {
  readonly dir: string;
  readonly journal = new Journal();
  readonly network = new Network();
  readonly store: StateStore;
  readonly source: ChangingSource;
  readonly history: DocumentHistory;
  readonly logs = new LogWatch();
  readonly clients: Clients;
  readonly nodes = new Map<string, ChaosNode>();
  /** Every process that ever ran here. */
  readonly processes: TestProcess[] = [];
  readonly #pids = new Map<number, string>();
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[] = [];
  /** How much longer than on a quiet machine things take here: 1 to 4, from how long the start took. */
  slowness = 1;
  #service: LinkProxy | undefined;
  #armed = false;

  private constructor(dir: string, store: StateStore, source: ChangingSource, parts: BedParts) {
    this.dir = dir;
    this.store = store;
    this.source = source;
    this.history = parts.history;
    this.journal = parts.journal;
    this.network = parts.network;
    for (const name of schedulerNames) this.#add(name, "scheduler");
    for (const name of executorNames) this.#add(name, "executor");
    const endpoints = schedulerNames.map((name) => {
      const node = this.node(name);
      return { name, url: () => node.routedUrl, excuse: () => node.excuse };
    });
    this.clients = new Clients(source, endpoints, this.journal, parts.draw);
  }

  /** Start everything and wait until the cluster is healthy; the clients ask from then on. */
  static async start(draw: Draw): Promise<ChaosBed> {
    const dir = await mkdtemp(join(tmpdir(), "spice-chaos-"));
    const journal = new Journal();
    const network = new Network();
    const history = new DocumentHistory((why) => journal.violation("document", why));
    const source = await ChangingSource.open(dir);
    const store = await StateStore.start(network, (text) => history.written(text));
    const bed = new ChaosBed(dir, store, source, { journal, network, history, draw });
    try {
      await bed.#boot();
      return bed;
    } catch (error) {
      await bed.stop();
      throw error;
    }
  }

  get schedulers(): readonly ChaosNode[] {
    return [...this.nodes.values()].filter(({ role }) => role === "scheduler");
  }

  get executors(): readonly ChaosNode[] {
    return [...this.nodes.values()].filter(({ role }) => role === "executor");
  }

  node(name: string): ChaosNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`there is no node ${name}`);
    return node;
  }

  /** The node that the cluster knows by this id. */
  byId(id: string): ChaosNode | undefined {
    return [...this.nodes.values()].find((node) => node.known && node.id === id);
  }

  /** A further executor, not started. */
  addExecutor(name: string): ChaosNode {
    return this.#add(name, "executor");
  }

  /** Forget an executor that was ended for good. */
  async removeExecutor(name: string): Promise<void> {
    await this.node(name).close();
    this.nodes.delete(name);
  }

  /** Start a node; a scheduler gets its own way to the store. */
  async startNode(name: string): Promise<void> {
    const node = this.node(name);
    if (node.role === "executor") {
      await node.start();
      return;
    }
    await node.start({
      CHAOS_S3_ENDPOINT: await this.store.endpoint(name),
      NODE_OPTIONS: `--import=${join(import.meta.dirname, "clock-jump.ts")}`,
    });
  }

  /** Put a spicepod into force: schedulers watch the file. */
  async writeSpicepod(variant: boolean): Promise<void> {
    const text = spicepod({
      stateLocation: this.store.location,
      lostAfterS: lostAfterMs / 1000,
      ledger: this.source.file("ledger"),
      items: this.source.file("items"),
      variant,
    });
    await writeFile(join(this.dir, "spicepod.yaml"), text);
  }

  /** From now on a violation counts: the cluster is healthy, `startedMs` after its start began. */
  arm(startedMs: number): void {
    if (this.#armed) return;
    this.#armed = true;
    this.slowness = Math.min(4, Math.max(1, startedMs / quietStartMs));
    const { signal } = this.#stop;
    this.#loops.push(this.clients.run(clientCount, signal), this.source.run(publishEveryMs, signal));
    this.journal.note("armed");
  }

  /** Processes that hold much more memory than a node of this load needs; whatever they went through. */
  async memoryProblems(): Promise<readonly string[]> {
    const problems: string[] = [];
    for (const { name, process } of this.nodes.values()) {
      const bytes = process?.alive === true ? await process.residentBytes() : 0;
      if (bytes > memoryLimitBytes) problems.push(`${name} holds ${Math.round(bytes / 2 ** 20)} MiB`);
    }
    return problems;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#loops);
    this.network.heal();
    this.store.heal();
    const nodes = [...this.nodes.values()];
    await Promise.all(nodes.filter(({ role }) => role === "executor").map((node) => node.close()));
    await Promise.all(nodes.filter(({ role }) => role === "scheduler").map((node) => node.close()));
    await this.#service?.stop();
    await this.store.stop();
    await this.source.close();
    await rm(this.dir, { recursive: true, force: true });
  }

  async #boot(): Promise<void> {
    await this.writeSpicepod(false);
    this.#service = await LinkProxy.start({
      to: "service",
      network: this.network,
      caller: (port, to) => connectionOwner(port, to, this.#pids),
      // As a Kubernetes Service does: any scheduler that runs.
      target: () => this.schedulers.find((node) => node.excuse === undefined)?.internal,
    });
    for (const name of schedulerNames) await this.startNode(name);
    await Promise.all(executorNames.map((name) => this.startNode(name)));
  }

  #add(name: string, role: Role): ChaosNode {
    const node = new ChaosNode(name, role, this.#means(role));
    this.nodes.set(name, node);
    return node;
  }

  #means(role: Role): NodeMeans {
    const { access, secret } = this.store.key;
    return {
      dir: this.dir,
      network: this.network,
      caller: (port, to) => connectionOwner(port, to, this.#pids),
      env: {
        SPICED_EXPECTED_EXECUTORS: String(executorNames.length),
        SPICED_QUERY_THREADS: "1",
        CHAOS_S3_KEY: access,
        CHAOS_S3_SECRET: secret,
      },
      flags: () => (role === "executor" ? [`--scheduler-address=http://${this.#service?.address}`] : []),
      onStart: (node, process) => {
        this.processes.push(process);
        this.#pids.set(process.pid, node.name);
        this.logs.watch(process);
      },
      onEnd: (node, code) => {
        if (!this.#stop.signal.aborted)
          this.journal.violation("exit", `${node.name} ended by itself with ${code}`);
      },
    };
  }

  /** Wait while the bed runs; ends early when it stops. */
  pause(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.#stop.signal });
  }
}

interface BedParts {
  readonly journal: Journal;
  readonly network: Network;
  readonly history: DocumentHistory;
  readonly draw: Draw;
}
