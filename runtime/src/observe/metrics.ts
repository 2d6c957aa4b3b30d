import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { type MetricName, type MetricSpec, metricTable } from "./metric-table.ts";

type Table = (typeof metricTable)[number];
type NameOf<T extends MetricSpec["type"]> = Extract<Table, { readonly type: T }>["name"];

/** Upper bounds of duration buckets, in milliseconds. */
const millisecondBuckets = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000,
];
const countBuckets = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 1000];

export type MetricScope = "node" | "scheduler" | "executor" | "acceleration" | "api";

/** The series that a node of each role has. */
export const scopesOf = {
  scheduler: ["node", "scheduler", "api"],
  executor: ["node", "executor", "acceleration", "api"],
  single: ["node", "scheduler", "executor", "acceleration", "api"],
} as const satisfies Record<string, readonly MetricScope[]>;

/**
 * The node's metrics in a registry of their own, so that several nodes can live in one process. Series of another
 * role are not exposed, but writing to them is allowed and does no harm: code need not know its node's role.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #counters = new Map<MetricName, Counter>();
  readonly #gauges = new Map<MetricName, Gauge>();
  readonly #histograms = new Map<MetricName, Histogram>();
  readonly #sources = new Map<NameOf<"gauge">, readonly (() => number | Promise<number>)[]>();
  readonly #lag = monitorEventLoopDelay({ resolution: 20 });

  constructor(options: { readonly role: keyof typeof scopesOf; readonly nodeId: string }) {
    const scopes: readonly MetricScope[] = scopesOf[options.role];
    for (const spec of metricTable as readonly (MetricSpec & { name: MetricName })[]) {
      this.#create(spec, scopes.includes(spec.where));
    }
    this.gauge("node_status").set({ node_id: options.nodeId, role: options.role }, 1);
    this.#lag.enable();
  }

  counter(name: NameOf<"counter">): Counter {
    return this.#counters.get(name)!;
  }

  gauge(name: NameOf<"gauge">): Gauge {
    return this.#gauges.get(name)!;
  }

  histogram(name: NameOf<"histogram">): Histogram {
    return this.#histograms.get(name)!;
  }

  /** Make every series of a dataset exist at zero. Call it when a spicepod comes into force. */
  addDataset(dataset: string): void {
    for (const status of ["assigned", "unassigned", "moving"]) {
      this.gauge("scheduler_partitions_count").inc({ dataset, status }, 0);
    }
    this.histogram("scheduler_partition_discovery_duration_ms").zero({ dataset });
    this.histogram("dataset_acceleration_refresh_duration_ms").zero({ dataset });
    this.gauge("executor_assigned_partitions_count").inc({ dataset }, 0);
    for (const name of [
      "dataset_acceleration_refresh_errors",
      "dataset_acceleration_refresh_rows",
      "dataset_acceleration_refresh_bytes",
    ] as const) {
      this.counter(name).inc({ dataset }, 0);
    }
    for (const name of [
      "dataset_acceleration_last_refresh_unix_time_ms",
      "dataset_acceleration_size_bytes",
      "dataset_acceleration_rows",
    ] as const) {
      this.gauge(name).inc({ dataset }, 0);
    }
  }

  /** Forget the series of a dataset that the spicepod no longer has. */
  removeDataset(dataset: string): void {
    for (const spec of metricTable as readonly (MetricSpec & { name: MetricName })[]) {
      if (!spec.labels?.includes("dataset")) continue;
      if (spec.name === "scheduler_partitions_count") {
        for (const status of ["assigned", "unassigned", "moving"])
          this.gauge(spec.name).remove({ dataset, status });
      } else {
        this.#any(spec.name).remove({ dataset });
      }
    }
  }

  /** Ask for a gauge's value at each scrape. Several sources of one gauge add up; one that fails counts for nothing. */
  atScrape(name: NameOf<"gauge">, read: () => number | Promise<number>): void {
    this.#sources.set(name, [...(this.#sources.get(name) ?? []), read]);
  }

  /** The Prometheus text exposition of this node. */
  async text(): Promise<string> {
    for (const [name, sources] of this.#sources) {
      const values = await Promise.all(sources.map(async (read) => read()).map((v) => v.catch(() => 0)));
      this.gauge(name).set(values.reduce((sum, value) => sum + value, 0));
    }
    this.gauge("process_resident_memory_bytes").set(process.memoryUsage.rss());
    this.gauge("nodejs_eventloop_lag_ms").set(this.#lag.count === 0 ? 0 : this.#lag.max / 1e6);
    this.#lag.reset();
    return this.#registry.metrics();
  }

  /** Stop the event-loop monitor. */
  close(): void {
    this.#lag.disable();
  }

  #any(name: MetricName): Counter | Gauge | Histogram {
    return (this.#counters.get(name) ?? this.#gauges.get(name) ?? this.#histograms.get(name))!;
  }

  #create(spec: MetricSpec & { name: MetricName }, exposed: boolean): void {
    const registers = exposed ? [this.#registry] : [];
    const options = { name: spec.name, help: spec.help, labelNames: [...(spec.labels ?? [])], registers };
    switch (spec.type) {
      case "counter": {
        const counter = new Counter(options);
        for (const labels of spec.initial ?? []) counter.inc(labels, 0);
        this.#counters.set(spec.name, counter);
        return;
      }
      case "gauge":
        this.#gauges.set(spec.name, new Gauge(options));
        return;
      case "histogram": {
        const buckets = spec.name.endsWith("_count") ? countBuckets : millisecondBuckets;
        this.#histograms.set(spec.name, new Histogram({ ...options, buckets }));
        return;
      }
      default:
        spec.type satisfies never;
    }
  }
}
