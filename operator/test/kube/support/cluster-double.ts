import type { KubeletDouble, Pod } from "../../../../kube/test/support/kubelet-double.ts";
import type { AdminDialer, AdminTarget, ClusterAdmin, ClusterReport } from "../../../src/admin/port.ts";
import { SchedulerUnreachableError } from "../../../src/admin/port.ts";
import { label } from "../../../src/api/names.ts";
import type { ClusterExecutor } from "../../../src/lifecycle/types.ts";

/** Partitions of the one table that every cluster of the double has. */
const partitions = 12;

/**
 * What schedulers would say of clusters whose pods a {@link KubeletDouble} runs: every ready executor is a member,
 * partitions are spread over those that are not drained, and a drain ends at once.
 */
export class ClusterDouble implements AdminDialer {
  /** Drains and undrains in the order in which they came, as `drain data/sales 2`. */
  readonly calls: string[] = [];
  /** Why drains do not end, while it is set. */
  blocked: string | undefined;
  /** Connections that were not closed. */
  open = 0;
  readonly #kubelet: KubeletDouble;
  readonly #drained = new Set<string>();

  constructor(kubelet: KubeletDouble) {
    this.#kubelet = kubelet;
  }

  dial({ namespace, cluster, addresses }: AdminTarget): ClusterAdmin {
    this.open += 1;
    const schedulers = () => this.#pods(namespace, cluster, "scheduler");
    const reachable = () => {
      const ips = schedulers().map((pod) => pod.status?.podIP);
      if (!addresses.some((address) => ips.includes(address.split(":")[0])))
        throw new SchedulerUnreachableError(`No scheduler answers at ${addresses.join()}.`);
    };
    const note = (verb: string, ids: readonly string[]) => {
      reachable();
      for (const id of ids) {
        this.calls.push(`${verb} ${namespace}/${cluster} ${id.split("/").at(-1)}`);
        if (verb === "drain") this.#drained.add(id);
        else this.#drained.delete(id);
      }
    };
    return {
      getCluster: async () => {
        reachable();
        return this.#report(namespace, cluster);
      },
      drain: async (ids) => note("drain", ids),
      undrain: async (ids) => note("undrain", ids),
      close: () => {
        this.open -= 1;
      },
    };
  }

  #report(namespace: string, cluster: string): ClusterReport {
    const pods = this.#pods(namespace, cluster, "executor");
    const active = pods.filter((pod) => !this.#drained.has(idOf(pod)) || this.blocked !== undefined);
    const executors = pods.map((pod): ClusterExecutor => {
      const place = active.indexOf(pod);
      const share = (p: number) => p % Math.max(active.length, 1) === place;
      const owned = place < 0 ? 0 : Array.from({ length: partitions }, (_, p) => p).filter(share).length;
      const draining = this.#drained.has(idOf(pod));
      const { blocked } = this;
      return {
        ...{ id: idOf(pod), index: indexOf(pod), instanceId: pod.metadata.uid ?? "" },
        ...{ state: draining ? "draining" : "active", owned, loaded: owned, moving: 0 },
        ...(draining
          ? {
              drain:
                blocked === undefined
                  ? { state: "DRAINED", remaining: 0 }
                  : { state: "BLOCKED", remaining: owned, reason: blocked },
            }
          : {}),
      };
    });
    const held = active.length > 0 ? partitions : 0;
    const counts = { total: partitions, assigned: held, loaded: held };
    return {
      revision: 1,
      appGeneration: 1,
      executors,
      partitions: counts,
      tables: [{ name: "events", freshMs: Date.parse("2030-01-01T00:00:00Z"), ...counts }],
      nodes: [],
    };
  }

  #pods(namespace: string, cluster: string, role: string): Pod[] {
    return this.#kubelet.list(namespace).filter(({ metadata, status }) => {
      const { labels = {}, deletionTimestamp } = metadata;
      const ready = status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") ?? false;
      const ours = labels[label.cluster] === cluster && labels[label.role] === role;
      return ours && ready && deletionTimestamp === undefined;
    });
  }
}

function indexOf(pod: Pod): number {
  return Number(pod.metadata.labels?.[label.executor]);
}

function idOf(pod: Pod): string {
  return `${pod.metadata.namespace}/${pod.metadata.labels?.[label.cluster]}/${indexOf(pod)}`;
}
