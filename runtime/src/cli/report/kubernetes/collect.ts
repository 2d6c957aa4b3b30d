import { type Client, isForbidden, isNotFound, type KubeObject, type ResourceType } from "@spice-shards/kube";
import { forEachLimited } from "../../../core/for-each-limited.ts";
import { messageOf } from "../../../core/text/message-of.ts";
import { CliError } from "../../cli-error.ts";
import type { Bundle } from "../bundle.ts";
import {
  type ClusterObject,
  childTypes,
  clusterType,
  eventType,
  type Pod,
  podType,
  secretType,
} from "./kinds.ts";
import { collectOperator } from "./operator-report.ts";
import { collectApi, collectLogs } from "./pod-report.ts";
import { describeSecret, learnSecret, type SecretObject, secretNamesIn } from "./secrets.ts";
import { summaryOf } from "./summary.ts";

export interface KubernetesReport {
  readonly client: Client;
  readonly namespace: string;
  readonly cluster: string;
  /** Finds the objects of a cluster that no operator made. */
  readonly selector?: string;
  /** Where the operator runs; without it, it is looked for everywhere. */
  readonly operatorNamespace?: string;
  /** How many of its last lines are taken of a log. */
  readonly logLines: number;
  readonly signal: AbortSignal;
}

/** So many pods, and no more, have their logs read and are asked. */
const mostPods = 64;
const mostEvents = 1000;

/**
 * Collect everything about one cluster in a namespace. What cannot be read is noted in the bundle. Throws a
 * {@link CliError} when the API server cannot be reached, or nothing of such a cluster is there.
 */
export async function collectKubernetes(bundle: Bundle, report: KubernetesReport): Promise<void> {
  const { client, signal, cluster, namespace } = report;
  const version = await reach(client, signal);
  const resource = report.selector === undefined ? await readCluster(bundle, report) : undefined;
  const labelSelector = report.selector ?? `spice.ai/cluster=${cluster}`;
  const list = <T extends KubeObject>(type: ResourceType) =>
    bundle.attempt(`objects/${type.kind}`, signal, () =>
      listAll<T>(client, type, namespace, labelSelector, signal),
    );
  const children = new Map<ResourceType, readonly KubeObject[]>();
  await forEachLimited(childTypes, 4, async (type) => {
    children.set(type, (await list(type)) ?? []);
  });
  const pods = (await list<Pod>(podType)) ?? [];
  const all = [...childTypes.flatMap((type) => children.get(type) ?? []), ...pods];
  if (resource === undefined && all.length === 0) throw await nothingFound(report);
  // Before anything is written: what is in Secrets is blanked in all the rest.
  await collectSecrets(bundle, report, labelSelector, [
    ...(resource === undefined ? [] : [resource]),
    ...all,
  ]);
  await bundle.json("versions.json", { kubernetes: version });
  if (resource !== undefined) await bundle.json(`objects/SpicepodCluster/${cluster}.json`, resource);
  for (const object of all) await bundle.json(`objects/${object.kind}/${object.metadata.name}.json`, object);
  await collectEvents(bundle, report, new Set([cluster, ...all.map(({ metadata }) => metadata.name ?? "")]));
  if (pods.length === 0) bundle.note("There are no pods, hence no logs and nobody to ask.");
  if (pods.length > mostPods) bundle.note(`Logs are those of ${mostPods} of ${pods.length} pods.`);
  await collectPods(bundle, report, pods.slice(0, mostPods));
  if (report.selector === undefined) await collectOperator(bundle, report);
  await bundle.text(
    "summary.txt",
    summaryOf({ cluster, namespace, resource, pods, missing: bundle.missing }),
  );
}

async function reach(client: Client, signal: AbortSignal): Promise<unknown> {
  try {
    return await client.getPath("/version", signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new CliError(`Cannot reach the Kubernetes API: ${messageOf(error)}`, { cause: error });
  }
}

async function readCluster(bundle: Bundle, report: KubernetesReport): Promise<ClusterObject | undefined> {
  const { client, namespace, cluster, signal } = report;
  try {
    return await client.get<ClusterObject>(clusterType, { namespace, name: cluster }, signal);
  } catch (error) {
    signal.throwIfAborted();
    // Its objects may still be there.
    bundle.failed(`objects/SpicepodCluster/${cluster}`, error);
    return undefined;
  }
}

async function nothingFound({
  client,
  namespace,
  cluster,
  selector,
  signal,
}: KubernetesReport): Promise<CliError> {
  const head = `Nothing of ${cluster} was found in the namespace ${namespace}.`;
  if (selector !== undefined) return new CliError(`${head} No object has the labels ${selector}.`);
  const others = await listAll(client, clusterType, namespace, undefined, signal).catch(() => []);
  const names = others.map(({ metadata }) => metadata.name).join(", ");
  return new CliError(
    names === ""
      ? `${head} It has no SpicepodCluster that you may see: name another with --namespace, or the labels of a cluster without the operator with --selector.`
      : `${head} There are: ${names}`,
  );
}

/** All objects, page by page. A list's items do not say what they are: here they do. */
async function listAll<T extends KubeObject>(
  client: Client,
  type: ResourceType,
  namespace: string | undefined,
  labelSelector: string | undefined,
  signal: AbortSignal,
): Promise<T[]> {
  const found: T[] = [];
  let next: string | undefined;
  do {
    const page = await client.list<T>(
      type,
      {
        ...(namespace === undefined ? {} : { namespace }),
        ...(labelSelector === undefined ? {} : { labelSelector }),
        ...(next === undefined ? {} : { continue: next }),
        limit: 500,
      },
      signal,
    );
    const apiVersion = type.group === "" ? type.version : `${type.group}/${type.version}`;
    found.push(...page.items.map((item) => ({ ...item, apiVersion, kind: type.kind })));
    next = page.metadata.continue === "" ? undefined : page.metadata.continue;
  } while (next !== undefined);
  return found;
}

async function collectSecrets(
  bundle: Bundle,
  { client, namespace, signal }: KubernetesReport,
  labelSelector: string,
  objects: readonly KubeObject[],
): Promise<void> {
  const found = new Map<string, SecretObject>();
  const listed = await bundle.attempt("secrets", signal, () =>
    listAll<SecretObject>(client, secretType, namespace, labelSelector, signal),
  );
  for (const secret of listed ?? []) found.set(secret.metadata.name ?? "", secret);
  for (const name of new Set(objects.flatMap((object) => secretNamesIn(object)))) {
    if (found.has(name)) continue;
    await bundle.attempt(`secrets/${name}`, signal, async () => {
      try {
        found.set(name, await client.get<SecretObject>(secretType, { namespace, name }, signal));
      } catch (error) {
        if (isNotFound(error)) throw new Error("It is mentioned, and not there");
        if (isForbidden(error)) {
          throw new Error(
            "You may not read it, so its values are not known and blanked only where they look like secrets",
          );
        }
        throw error;
      }
    });
  }
  for (const secret of found.values()) learnSecret(bundle.redaction, secret);
  for (const [name, secret] of found) {
    await bundle.json(`secrets/${name}.json`, describeSecret(secret), "names and certificates, no values");
  }
}

interface KubeEvent extends KubeObject {
  readonly involvedObject?: { readonly name?: string };
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
}

async function collectEvents(
  bundle: Bundle,
  { client, namespace, cluster, signal }: KubernetesReport,
  names: ReadonlySet<string>,
): Promise<void> {
  await bundle.attempt("events.json", signal, async () => {
    const all = await listAll<KubeEvent>(client, eventType, namespace, undefined, signal);
    const timeOf = (event: KubeEvent) =>
      event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? "";
    const ours = all
      // Pods and claims that have gone are told of as well.
      .filter(({ involvedObject: { name = "" } = {} }) => names.has(name) || name.startsWith(`${cluster}-`))
      .sort((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1));
    const note = ours.length > mostEvents ? `the last ${mostEvents} of ${ours.length}` : undefined;
    await bundle.json("events.json", ours.slice(-mostEvents), note);
  });
}

async function collectPods(bundle: Bundle, report: KubernetesReport, pods: readonly Pod[]): Promise<void> {
  const { client, signal, logLines } = report;
  const isScheduler = ({ metadata: { labels = {}, name = "" } }: Pod) =>
    labels["spice.ai/cluster-role"] === "scheduler" ||
    (labels["spice.ai/cluster-role"] === undefined && /scheduler/.test(name));
  await forEachLimited(pods, 4, async (pod) => {
    await collectLogs(bundle, client, pod, { folder: "logs", lines: logLines, signal });
    await collectApi(bundle, client, pod, { folder: "nodes", cluster: isScheduler(pod), signal });
  });
}
