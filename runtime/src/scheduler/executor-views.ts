import type { NodeInfo, PartitionReport, TableReport } from "@spice-shards/proto";
import type { ClusterDocument } from "../core/cluster/document/document.ts";
import { ReportBook } from "../core/cluster/membership/reports.ts";

/** One executor as this scheduler hears it. */
export interface ExecutorView {
  readonly id: string;
  readonly instanceId: string;
  readonly buildVersion: string;
  /** By table. */
  readonly tables: ReadonlyMap<string, TableReport>;
  /** By table and canonical partition key. */
  readonly partitions: ReadonlyMap<string, ReadonlyMap<string, PartitionReport>>;
  /** Its certificates; undefined until it told, and without mTLS. */
  readonly node?: NodeInfo;
}

interface OpenView extends ExecutorView {
  readonly tables: Map<string, TableReport>;
  readonly partitions: Map<string, Map<string, PartitionReport>>;
  node?: NodeInfo;
}

/**
 * What executors told this scheduler over their control streams. Nothing here is authoritative: ownership is in the
 * cluster document, and after a restart the executors tell everything again.
 */
export class ExecutorViews {
  /** The same reports as the assignment needs them: sizes, and what was loaded once. */
  readonly book = new ReportBook();
  readonly #views = new Map<string, OpenView>();
  #version = 0;

  /** Grows with every change. */
  get version(): number {
    return this.#version;
  }

  /** An instance was welcomed; what an older one told is void. */
  joined(id: string, instanceId: string, buildVersion: string): void {
    this.book.joined(id, instanceId);
    if (this.#views.get(id)?.instanceId !== instanceId) {
      this.#views.set(id, { id, instanceId, buildVersion, tables: new Map(), partitions: new Map() });
    }
    this.#version += 1;
  }

  report(id: string, instanceId: string, report: PartitionReport): void {
    const view = this.#views.get(id);
    if (view?.instanceId !== instanceId) return;
    const state = report.state === "loaded" || report.state === "failed" ? report.state : "loading";
    this.book.record(id, instanceId, { ...report, state });
    let partitions = view.partitions.get(report.table);
    if (partitions === undefined) {
      partitions = new Map();
      view.partitions.set(report.table, partitions);
    }
    partitions.set(report.key, report);
    this.#version += 1;
  }

  reportTable(id: string, instanceId: string, report: TableReport): void {
    const view = this.#views.get(id);
    if (view?.instanceId !== instanceId) return;
    view.tables.set(report.table, report);
    this.#version += 1;
  }

  reportNode(id: string, instanceId: string, node: NodeInfo): void {
    const view = this.#views.get(id);
    if (view?.instanceId === instanceId) view.node = node;
  }

  get(id: string): ExecutorView | undefined {
    return this.#views.get(id);
  }

  /** In the order of ids. */
  all(): readonly ExecutorView[] {
    return [...this.#views.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** What the executor says of a partition, when it is of the document's epoch. */
  of(id: string, table: string, key: string, epoch: number): PartitionReport | undefined {
    const report = this.#views.get(id)?.partitions.get(table)?.get(key);
    return report?.epoch === epoch ? report : undefined;
  }

  /** Something outside changed what these views mean (a stream ended, a lease ran out). */
  touch(): void {
    this.#version += 1;
  }

  /** Drop what the document no longer has. */
  prune(document: ClusterDocument): void {
    this.book.prune(document);
    for (const id of this.#views.keys()) if (document.executors[id] === undefined) this.#views.delete(id);
  }
}
