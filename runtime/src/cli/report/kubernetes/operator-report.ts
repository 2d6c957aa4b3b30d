import type { Client, KubeObject } from "@spice-shards/kube";
import type { Bundle } from "../bundle.ts";
import { type Pod, podType } from "./kinds.ts";
import { collectLogs, collectMetrics } from "./pod-report.ts";

const operatorLabels = "app.kubernetes.io/name=spiceai-operator";

/** Collect the operator's pods, their logs and metrics. */
export async function collectOperator(
  bundle: Bundle,
  options: {
    readonly client: Client;
    readonly operatorNamespace?: string;
    readonly logLines: number;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { client, operatorNamespace, logLines, signal } = options;
  const where = operatorNamespace === undefined ? "any namespace" : `the namespace ${operatorNamespace}`;
  const pods = await bundle.attempt("operator", signal, async () => {
    const query = { labelSelector: operatorLabels, limit: 20 };
    const { items } = await client.list<Pod & KubeObject>(
      podType,
      operatorNamespace === undefined ? query : { ...query, namespace: operatorNamespace },
      signal,
    );
    if (items.length === 0) throw new Error(`No pod with the labels ${operatorLabels} is in ${where}`);
    return items;
  });
  for (const pod of pods ?? []) {
    const { name = "" } = pod.metadata;
    await bundle.json(`operator/${name}/pod.json`, { ...pod, apiVersion: "v1", kind: "Pod" });
    await collectLogs(bundle, client, pod, { folder: "operator", lines: logLines, signal });
    await collectMetrics(bundle, client, pod, { folder: `operator/${name}`, port: 9090, signal });
  }
}
