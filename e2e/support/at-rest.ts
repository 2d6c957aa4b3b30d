import type { Kubectl } from "./kubectl.ts";

interface Summary {
  readonly pods: readonly {
    readonly podRef: { readonly name: string; readonly namespace: string };
    readonly containers?: readonly { readonly memory?: { readonly workingSetBytes?: number } }[];
  }[];
}

/** Memory of pods in MB as kubelets count it (without cached files that could go), by name. */
export async function memoryOfPods(
  cluster: Kubectl,
  namespace: string,
): Promise<Readonly<Record<string, number>>> {
  const { items } = await cluster.get<{ items: { metadata: { name: string } }[] }>("nodes");
  const all = await Promise.all(
    items.map(async ({ metadata }) => {
      const path = `/api/v1/nodes/${metadata.name}/proxy/stats/summary`;
      const { pods } = JSON.parse(await cluster.run("get", "--raw", path)) as Summary;
      return pods.filter(({ podRef }) => podRef.namespace === namespace);
    }),
  );
  return Object.fromEntries(
    all.flat().map(({ podRef, containers = [] }) => {
      const bytes = containers.reduce((sum, { memory }) => sum + (memory?.workingSetBytes ?? 0), 0);
      return [podRef.name, Math.round(bytes / 1e6)];
    }),
  );
}

/** How many writes a running operator has made, but for its Lease. */
export async function writesOf(system: Kubectl, pod: string): Promise<number> {
  const path = `/api/v1/namespaces/spice-system/pods/${pod}:9090/proxy/metrics`;
  const text = await system.run("get", "--raw", path);
  let writes = 0;
  for (const [, labels = "", count] of text.matchAll(/^spice_operator_api_requests_total\{(.*)\} (\d+)$/gm))
    if (!labels.includes('verb="GET"') && !labels.includes('resource="leases"')) writes += Number(count);
  return writes;
}
