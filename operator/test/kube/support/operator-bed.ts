import { setTimeout as delay } from "node:timers/promises";
import { type Client, eventType, type KubeObject, type ResourceType } from "@spice-shards/kube";
import { ApiServer } from "../../../../kube/test/support/api-server.ts";
import type { AuditEntry } from "../../../../kube/test/support/audit.ts";
import { KubeletDouble, type Pod } from "../../../../kube/test/support/kubelet-double.ts";
import { eventually } from "../../../../kube/test/support/wait.ts";
import { label, type Role } from "../../../src/api/names.ts";
import { types } from "../../../src/reconcile/cache/resource-types.ts";
import type { JsonObject } from "../../../src/schema/schema.ts";
import { leaveBundlesIfFailed } from "../../support/leave-bundle.ts";
import { ClusterDouble } from "./cluster-double.ts";
import { type ClusterObject, clusterCrd, podMonitorCrd } from "./cluster-objects.ts";
import { type OperatorOptions, RunningOperator } from "./running-operator.ts";

/** Kinds that a cluster has children of. */
export const childTypes: readonly ResourceType[] = [
  ...[types.configMap, types.service, types.secret, types.deployment, types.statefulSet, types.budget],
  ...[types.serviceAccount, types.role, types.roleBinding, types.networkPolicy, types.podMonitor],
];

export interface ConditionSeen {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** A real API server with pods that a double runs, and one operator at a time. Clusters are named `sales`. */
export class OperatorBed {
  readonly api: ApiServer;
  readonly admin: Client;
  readonly kubelet: KubeletDouble;
  double: ClusterDouble;
  #operator: RunningOperator | undefined;
  readonly #resting: { readonly namespace: string; readonly mark: number; readonly sinceMs: number }[] = [];

  private constructor(api: ApiServer, kubelet: KubeletDouble) {
    this.api = api;
    this.admin = api.client();
    this.kubelet = kubelet;
    this.double = new ClusterDouble(kubelet);
  }

  static async start(): Promise<OperatorBed> {
    const users = [{ name: "operator", groups: ["system:masters"] }];
    const api = await ApiServer.start({ crds: [clusterCrd, podMonitorCrd], users });
    try {
      const kubelet = new KubeletDouble(api.client(), { terminationMs: 50 });
      await kubelet.start();
      return new OperatorBed(api, kubelet);
    } catch (error) {
      await api.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.stopOperator();
    await this.kubelet.stop();
    await this.api.stop();
  }

  operate(options: Partial<OperatorOptions> = {}): RunningOperator {
    this.#operator = new RunningOperator(this.api, { dialer: this.double, ...options });
    return this.#operator;
  }

  /** Ends the operator and forgets what tests have set; of a test that failed, what was there is left in a bundle. */
  async stopOperator(): Promise<void> {
    await leaveBundlesIfFailed(this.admin, { "operator/log.json": this.#operator?.log ?? [] });
    await this.#operator?.stop();
    this.#operator = undefined;
    this.double = new ClusterDouble(this.kubelet);
  }

  /** A small resource; two executors unless told. */
  clusterOf(namespace: string, { schedulerSpec, executorSpec, ...spec }: JsonObject = {}): ClusterObject {
    return {
      ...{ apiVersion: "spice.ai/v2", kind: "SpicepodCluster", metadata: { name: "sales", namespace } },
      spec: {
        schedulerSpec: (schedulerSpec as JsonObject | undefined) ?? { spicepod: { datasets: [] } },
        executorSpec: { replicas: 2, ...(executorSpec as JsonObject) },
        ...spec,
      },
    };
  }

  /** A cluster in a namespace of its own, whose name is answered. */
  async create(spec: JsonObject = {}, prefix = "life"): Promise<string> {
    const namespace = await this.api.namespace(prefix);
    await this.admin.create(types.cluster, this.clusterOf(namespace, spec));
    return namespace;
  }

  read(namespace: string): Promise<ClusterObject> {
    return this.admin.get<ClusterObject>(types.cluster, { namespace, name: "sales" });
  }

  /** Merges into the spec. */
  change(namespace: string, spec: JsonObject): Promise<ClusterObject> {
    const target = { namespace, name: "sales" };
    return this.admin.patch(types.cluster, target, { type: "merge", body: { spec } });
  }

  /** Waits until a condition of the present generation has a status; answers the whole status. */
  condition(namespace: string, type: string, wanted: string, timeoutMs = 90_000): Promise<JsonObject> {
    const what = `${type} ${wanted} in ${namespace}`;
    return eventually(
      what,
      async () => {
        const { metadata, status = {} } = await this.read(namespace);
        const current = status["observedGeneration"] === metadata.generation;
        if (current && conditionOf(status, type)?.status === wanted) return status;
        throw new Error(JSON.stringify(status["conditions"]));
      },
      { timeoutMs },
    );
  }

  ready(namespace: string, timeoutMs?: number): Promise<JsonObject> {
    return this.condition(namespace, "Ready", "True", timeoutMs);
  }

  /** All children by `Kind/name`. */
  async children(namespace: string): Promise<Map<string, KubeObject>> {
    const found = new Map<string, KubeObject>();
    const query = { namespace, labelSelector: "spice.ai/cluster=sales" };
    for (const type of childTypes) {
      const { items } = await this.admin.list<KubeObject>(type, query);
      for (const item of items) found.set(`${type.kind}/${item.metadata.name}`, item);
    }
    return found;
  }

  pods(namespace: string, role: Role): Pod[] {
    return this.kubelet.list(namespace).filter(({ metadata }) => metadata.labels?.[label.role] === role);
  }

  /** What the operator wrote since a mark of the audit log, but for its events. */
  writesSince(mark: number): AuditEntry[] {
    const { audit } = this.api;
    return audit.writesSince(mark, "operator").filter(({ resource }) => resource !== "events");
  }

  /** Nothing in a namespace is to be written from now on, whatever other tests do. */
  rests(namespace: string): void {
    this.#resting.push({ namespace, mark: this.api.audit.mark(), sinceMs: performance.now() });
  }

  /**
   * What operators wrote, events too, in namespaces that rest, when all have rested for `ms` at least; and what those
   * events say.
   */
  async writesToResting(ms: number): Promise<{ readonly writes: AuditEntry[]; readonly notes: string[] }> {
    const last = Math.max(...this.#resting.map(({ sinceMs }) => sinceMs));
    await delay(Math.max(0, last + ms - performance.now()));
    const writes = this.#resting.flatMap(({ namespace, mark }) =>
      this.api.audit.writesSince(mark, "operator").filter((entry) => entry.namespace === namespace),
    );
    const written = writes.filter(({ resource, verb }) => resource === "events" && verb === "create");
    const events = await Promise.all(
      written.map(({ namespace = "", name = "" }) =>
        this.admin.get<KubeObject & { readonly note?: string }>(eventType, { namespace, name }),
      ),
    );
    return { writes, notes: events.map(({ note = "" }) => note) };
  }

  /** Waits until the operator writes nothing, and answers what it writes in the time after that. */
  async writesAtRest(ms: number): Promise<AuditEntry[]> {
    await eventually("the operator to come to rest", async () => {
      const mark = this.api.audit.mark();
      await delay(700);
      return this.writesSince(mark).length === 0;
    });
    const mark = this.api.audit.mark();
    await delay(ms);
    return this.writesSince(mark);
  }
}

export function conditionOf(status: JsonObject | undefined, type: string): ConditionSeen | undefined {
  const all = (status?.["conditions"] ?? []) as never as readonly ConditionSeen[];
  return all.find((condition) => condition.type === type);
}

export function isReady({ metadata, status }: Pod): boolean {
  const ready = status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") ?? false;
  return ready && metadata.deletionTimestamp === undefined;
}

export const imagesOf = (pods: readonly Pod[]) => pods.map(({ spec }) => spec.containers[0]?.image ?? "");
