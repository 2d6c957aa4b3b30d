import { join } from "node:path";
import type { Client, KubeObject } from "@spice-shards/kube";
import { ApiServer } from "../../../../kube/test/support/api-server.ts";
import type { FaultProxy } from "../../../../kube/test/support/fault-proxy.ts";
import { KubeletDouble, type KubeletOptions } from "../../../../kube/test/support/kubelet-double.ts";
import { eventually } from "../../../../kube/test/support/wait.ts";
import { types } from "../../../src/reconcile/cache/resource-types.ts";
import type { JsonObject } from "../../../src/schema/schema.ts";
import { leaveBundlesIfFailed } from "../../support/leave-bundle.ts";
import { type ClusterObject, podMonitorCrd } from "./cluster-objects.ts";
import { conditionOf } from "./operator-bed.ts";
import { OperatorReplica } from "./operator-replica.ts";
import { ReadyWatch } from "./ready-watch.ts";
import { SchedulerDoubles } from "./scheduler-doubles.ts";

const chart = join(import.meta.dirname, "..", "..", "..", "..", "charts", "spiceai-operator");

interface Deployment extends KubeObject {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly args: string[] }[] } };
  };
}

/**
 * A real API server with the chart installed, and operators as processes under its service account. Pods and the
 * schedulers in them are doubles. Clusters are named `sales` unless told.
 */
export class ProcessBed {
  readonly api: ApiServer;
  readonly admin: Client;
  readonly kubelet: KubeletDouble;
  readonly schedulers: SchedulerDoubles;
  readonly readiness: ReadyWatch;
  readonly #replicas = new Set<OperatorReplica>();
  readonly #token: string;
  readonly #args: readonly string[];

  private constructor(parts: {
    api: ApiServer;
    kubelet: KubeletDouble;
    schedulers: SchedulerDoubles;
    readiness: ReadyWatch;
    token: string;
    args: readonly string[];
  }) {
    this.api = parts.api;
    this.admin = parts.api.client();
    this.kubelet = parts.kubelet;
    this.schedulers = parts.schedulers;
    this.readiness = parts.readiness;
    this.#token = parts.token;
    this.#args = parts.args;
  }

  /** @param values of the chart, as `name=value` */
  static async start(
    values: readonly string[] = [],
    kubeletOptions: KubeletOptions = {},
  ): Promise<ProcessBed> {
    const api = await ApiServer.start({ crds: [podMonitorCrd] });
    let kubelet: KubeletDouble | undefined;
    try {
      kubelet = new KubeletDouble(api.client(), { terminationMs: 20, ...kubeletOptions });
      await kubelet.start();
      const set = values.flatMap((value) => ["--set", value]);
      const release = ["spiceai-operator", chart, "--namespace", "spice-system"];
      await api.helm(["install", ...release, "--create-namespace", ...set]);
      const token = await api.serviceAccountToken("spice-system", "spiceai-operator");
      const target = { namespace: "spice-system", name: "spiceai-operator" };
      const { spec } = await api.client().get<Deployment>(types.deployment, target);
      const args = spec.template.spec.containers[0]?.args ?? [];
      const schedulers = new SchedulerDoubles(api.client());
      const readiness = new ReadyWatch(api.client());
      const crd = ["wait", "crd/spicepodclusters.spice.ai", "--for=condition=Established", "--timeout=30s"];
      await api.kubectl(crd);
      await Promise.all([schedulers.start(), readiness.start()]);
      return new ProcessBed({ api, kubelet, schedulers, readiness, token, args });
    } catch (error) {
      await kubelet?.stop();
      await api.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.stopOperators(2000);
    await Promise.all([this.schedulers.stop(), this.readiness.stop(), this.kubelet.stop()]);
    await this.api.stop();
  }

  /** Leaves bundles of the newest clusters when the test before this hook has failed. */
  async leaveIfFailed(): Promise<void> {
    const logs = [...this.#replicas].map((replica, i) => [`operator/log-${i}.json`, replica.lines] as const);
    await leaveBundlesIfFailed(this.admin, Object.fromEntries(logs));
  }

  /** Another operator; with `--leader-elect=false` in `flags` it works at once. */
  async operate(flags: readonly string[] = [], proxy?: FaultProxy): Promise<OperatorReplica> {
    const replica = await OperatorReplica.start(this.api, {
      token: this.#token,
      args: [...this.#args, ...flags],
      ...(proxy === undefined ? {} : { proxy }),
    });
    this.#replicas.add(replica);
    return replica;
  }

  /** Ends all operators. */
  async stopOperators(graceMs?: number): Promise<void> {
    await Promise.all([...this.#replicas].map((replica) => replica.stop(graceMs)));
    this.#replicas.clear();
  }

  /** A small resource; two executors unless told. */
  clusterOf(
    namespace: string,
    { metadata, schedulerSpec, executorSpec, ...spec }: JsonObject = {},
  ): ClusterObject {
    return {
      ...{ apiVersion: "spice.ai/v2", kind: "SpicepodCluster" },
      metadata: { name: "sales", namespace, ...(metadata as object | undefined) },
      spec: {
        schedulerSpec: { spicepod: { datasets: [] }, ...(schedulerSpec as object | undefined) },
        executorSpec: { replicas: 2, ...(executorSpec as object | undefined) },
        ...spec,
      },
    };
  }

  /** A cluster in a namespace of its own, whose name is answered. */
  async create(spec: JsonObject = {}, prefix = "faults"): Promise<string> {
    const namespace = await this.api.namespace(prefix);
    await this.admin.create(types.cluster, this.clusterOf(namespace, spec));
    return namespace;
  }

  read(namespace: string, name = "sales"): Promise<ClusterObject> {
    return this.admin.get<ClusterObject>(types.cluster, { namespace, name });
  }

  /** Merges into the resource. */
  change(namespace: string, body: JsonObject): Promise<ClusterObject> {
    return this.admin.patch(types.cluster, { namespace, name: "sales" }, { type: "merge", body });
  }

  /** Waits until the cluster is as its resource says, and at rest; answers its status. */
  settled(namespace: string, timeoutMs = 60_000): Promise<JsonObject> {
    return eventually(
      `the cluster in ${namespace} to settle`,
      async () => {
        const { metadata, status = {} } = await this.read(namespace);
        const holds = (type: string) => conditionOf(status, type)?.status === "True";
        const current = status["observedGeneration"] === metadata.generation;
        if (current && holds("Ready") && !holds("Progressing") && !holds("Degraded")) return status;
        const [last] = [...this.#replicas].slice(-1);
        throw new Error(`${JSON.stringify(status["conditions"])}\n${last?.tail()}`);
      },
      { timeoutMs, everyMs: 100 },
    );
  }

  /** The identity in the Lease; empty when it is free. */
  async holder(): Promise<string> {
    const path = "/apis/coordination.k8s.io/v1/namespaces/spice-system/leases/spiceai-operator";
    return (await this.admin.getPath<{ spec: { holderIdentity?: string } }>(path)).spec.holderIdentity ?? "";
  }
}
