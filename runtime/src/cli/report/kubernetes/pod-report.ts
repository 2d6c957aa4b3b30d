import { type Client, StatusError } from "@spice-shards/kube";
import { messageOf } from "../../../core/text/message-of.ts";
import type { Bundle } from "../bundle.ts";
import { type Answer, type Ask, collectNode } from "../node-report.ts";
import type { Container, Pod } from "./kinds.ts";

const logBytes = 2 * 2 ** 20;

/** The pod's path at the API server. */
function podPath(pod: Pod): string {
  const { namespace = "default", name = "" } = pod.metadata;
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
}

/** Collect the last lines of every container's log, and of the container before it where it was restarted. */
export async function collectLogs(
  bundle: Bundle,
  client: Client,
  pod: Pod,
  options: { readonly folder: string; readonly lines: number; readonly signal: AbortSignal },
): Promise<void> {
  const { folder, lines, signal } = options;
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  for (const { name } of containers) {
    const restarts = statuses.find((status) => status.name === name)?.restartCount ?? 0;
    for (const previous of restarts > 0 ? [false, true] : [false]) {
      const file = `${folder}/${pod.metadata.name}/${name}${previous ? ".previous" : ""}.log`;
      await bundle.attempt(file, signal, async () => {
        const query = new URLSearchParams({ container: name, tailLines: String(lines), timestamps: "true" });
        query.set("limitBytes", String(logBytes));
        if (previous) query.set("previous", "true");
        const { text } = await client.getText(`${podPath(pod)}/log?${query}`, { limit: logBytes, signal });
        // The limit cuts anywhere, also within a secret, which would not be known any more.
        const whole = text.length < logBytes ? text : text.slice(0, text.lastIndexOf("\n") + 1);
        await bundle.text(file, whole, whole === text ? undefined : "cut at its end");
      });
    }
  }
}

/** Collect what the node in a pod says over HTTP, by way of the API server's proxy. */
export async function collectApi(
  bundle: Bundle,
  client: Client,
  pod: Pod,
  options: { readonly folder: string; readonly cluster: boolean; readonly signal: AbortSignal },
): Promise<boolean> {
  const folder = `${options.folder}/${pod.metadata.name}`;
  if (pod.status?.podIP === undefined) {
    bundle.failed(folder, `The pod has no address: it is ${pod.status?.phase ?? "not there yet"}`);
    return false;
  }
  const [container] = pod.spec?.containers ?? [];
  const port = (name: string, otherwise: number) =>
    container?.ports?.find((each) => each.name === name)?.containerPort ?? otherwise;
  const scheme = usesTls(container) ? "https:" : "";
  const proxy = (of: string, number: number) =>
    `${podPath(pod)}`.replace(/[^/]+$/, `${of}$&:${number}/proxy`);
  const { signal, cluster } = options;
  const answered = await collectNode(bundle, folder, askBehind(client, proxy(scheme, port("http", 8090))), {
    cluster,
    signal,
  });
  if (!answered) return false;
  await collectMetrics(bundle, client, pod, { folder, port: port("metrics", 9090), signal });
  return true;
}

/** Collect what a pod's metrics port says. */
export async function collectMetrics(
  bundle: Bundle,
  client: Client,
  pod: Pod,
  options: { readonly folder: string; readonly port: number; readonly signal: AbortSignal },
): Promise<void> {
  const { folder, port, signal } = options;
  await bundle.attempt(`${folder}/metrics.txt`, signal, async () => {
    const { text, truncated } = await client.getText(`${podPath(pod)}:${port}/proxy/metrics`, { signal });
    await bundle.text(`${folder}/metrics.txt`, text, truncated ? "cut at its end" : undefined);
  });
}

function askBehind(client: Client, proxy: string): Ask {
  return async (path, signal): Promise<Answer> => {
    try {
      const { text } = await client.getText(proxy + path, { signal, limit: 4 * 2 ** 20 });
      return { status: 200, text };
    } catch (error) {
      // What the node itself answered is no `Status` of the API server, which has a reason.
      if (error instanceof StatusError && error.reason === "") {
        return { status: error.code, text: error.status.message ?? JSON.stringify(error.status) };
      }
      throw new Error(`The API server could not ask the pod: ${messageOf(error)}`, { cause: error });
    }
  };
}

function usesTls(container: Container | undefined): boolean {
  const words = [...(container?.command ?? []), ...(container?.args ?? [])];
  return words.some((word) => word.startsWith("--tls-certificate-file"));
}
