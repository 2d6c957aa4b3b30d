import {
  type ClusterOptions,
  eventually,
  listening,
  TestCluster,
} from "../../runtime/test/support/cluster.ts";
import { askDrain, balanced, type ExecutorView } from "../../runtime/test/support/moving-cluster.ts";
import type { TestProcess } from "../../runtime/test/support/process.ts";
import type { MovesData } from "./data.ts";

export interface BedOptions {
  readonly executors: number;
  /** Partitions of the table, the one of NULL among them. */
  readonly partitions: number;
  readonly schedulers?: number;
  /** Further lines of `runtime.scheduler`. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly stateLocation?: string;
  readonly security?: ClusterOptions["security"];
}

/** A loaded cluster with one table, and what the benches of moves do to it. */
export class MovesBed {
  readonly cluster: TestCluster;
  readonly partitions: number;

  private constructor(cluster: TestCluster, partitions: number) {
    this.cluster = cluster;
    this.partitions = partitions;
  }

  static async start(data: MovesData, options: BedOptions): Promise<MovesBed> {
    const { executors, partitions, schedulers = 1, settings = {}, stateLocation, security } = options;
    const lines = Object.entries(settings).map(([name, value]) => `    ${name}: ${value}\n`);
    const cluster = await TestCluster.start({
      executors,
      schedulers,
      ...(stateLocation === undefined ? {} : { stateLocation }),
      ...(security === undefined ? {} : { security }),
      spicepod: `version: v1
kind: Spicepod
name: moves
runtime:
  scheduler:
    state_location: "STATE"
${lines.join("")}datasets:
  - from: file:${data.file}
    name: t
    acceleration:
      engine: duckdb
      mode: file
      params: { partition_mode: tables, duckdb_threads: 1 }
      partition_by: ["bucket(${partitions - 1}, id)"]
`,
    });
    const bed = new MovesBed(cluster, partitions);
    try {
      for (let i = 0; i < schedulers; i += 1) await cluster.ready(300_000, i);
      return bed;
    } catch (error) {
      await bed.stop();
      throw error;
    }
  }

  /** The id of executor `index`. */
  idOf(index: number): Promise<string> {
    return listening(this.cluster.executors[index]!, "cluster");
  }

  /** Resolves when these executors alone own all partitions, in equal parts, loaded, and nothing is moving. */
  async settled(indexes: readonly number[], timeoutMs = 180_000, scheduler = 0): Promise<void> {
    const ids = await Promise.all(indexes.map((i) => this.idOf(i)));
    await eventually(async () => {
      const { executors } = await this.cluster.get<{ executors: ExecutorView[] }>("/v1/cluster", scheduler);
      if (!balanced(executors, ids, this.partitions)) throw new Error(JSON.stringify(executors));
      return true;
    }, timeoutMs);
  }

  /** Begin or end the drain of executor `index`. */
  async drain(index: number, undrain = false, scheduler = 0): Promise<void> {
    const answer = await askDrain(this.cluster, await this.idOf(index), { undrain, scheduler });
    if (answer.status !== 200) throw new Error(`drain: ${answer.text}`);
  }

  /** The sum of a series over the living nodes of a role, with all its labels or those that contain `label`. */
  async metric(role: "schedulers" | "executors", name: string, label = ""): Promise<number> {
    const living = this.cluster[role].filter((node) => node.alive);
    const values = await Promise.all(living.map((node) => this.#metricOf(node, name, label)));
    return values.reduce((a, b) => a + b, 0);
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
  }

  async #metricOf(node: TestProcess, name: string, label: string): Promise<number> {
    const lines = (await this.cluster.metrics(node)).split("\n");
    const own = lines.filter((l) => l.startsWith(`${name}{`) || l.startsWith(`${name} `));
    return own.filter((l) => l.includes(label)).reduce((n, l) => n + Number(l.slice(l.lastIndexOf(" "))), 0);
  }
}
