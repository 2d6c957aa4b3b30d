import { resolve } from "node:path";
import {
  Client,
  ConfigError,
  loadKubeConfig,
  systemClock,
  systemRandom,
  Transport,
} from "@spice-shards/kube";
import type { Cli } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import type { ReportOptions } from "../commands/report.ts";
import { type Io, print } from "../io.ts";
import { ClusterDir } from "../local/cluster-dir.ts";
import { byteSize } from "../output.ts";
import { Bundle } from "./bundle.ts";
import { collectEndpoint } from "./endpoint-report.ts";
import { collectKubernetes } from "./kubernetes/collect.ts";
import { clusterType } from "./kubernetes/kinds.ts";
import { archiveSink, folderSink } from "./sink.ts";

/** Longer than any bundle takes that is worth waiting for. */
const longestMs = 10 * 60_000;

/** `spice report`: see its help. Throws a {@link CliError} when there is no bundle in the end. */
export async function runReport(
  cli: Cli,
  cluster: string | undefined,
  options: ReportOptions,
): Promise<void> {
  const lines = Number(options.logLines);
  if (!Number.isSafeInteger(lines) || lines < 1) {
    throw new CliError(`--log-lines needs a number of lines, not ${options.logLines}`, { exitCode: 2 });
  }
  if (options.selector !== undefined && cluster === undefined) {
    throw new CliError("--selector needs a name for the cluster: spice report --selector LABELS NAME", {
      exitCode: 2,
    });
  }
  const signal = AbortSignal.any([cli.io.signal, AbortSignal.timeout(longestMs)]);
  const onKubernetes = [
    cluster,
    options.namespace,
    options.operatorNamespace,
    options.kubeconfig,
    options.context,
  ];
  if (onKubernetes.every((each) => each === undefined)) await reportEndpoint(cli, options, signal);
  else await reportKubernetes(cli, cluster, { ...options, lines }, signal);
}

async function reportEndpoint(cli: Cli, options: ReportOptions, signal: AbortSignal): Promise<void> {
  const client = cli.client();
  const dir = new ClusterDir(cli.io.cwd);
  const record = dir.read();
  const local = record?.endpoint === client.endpoint ? { dir, record } : undefined;
  const name = new URL(client.endpoint).hostname.replace(/[^\w.-]/g, "_");
  await writeBundle(cli, name, options, { endpoint: client.endpoint }, async (bundle) => {
    if (await collectEndpoint(bundle, client, local, signal)) return;
    throw new CliError(
      `${bundle.missing[0]?.reason ?? `Nothing answered at ${client.endpoint}`}\nFor a cluster on Kubernetes: spice report --namespace NAMESPACE CLUSTER`,
    );
  });
}

async function reportKubernetes(
  cli: Cli,
  cluster: string | undefined,
  options: ReportOptions & { readonly lines: number },
  signal: AbortSignal,
): Promise<void> {
  const { selector, operatorNamespace } = options;
  const access = await loadKubeConfig({
    ...(options.kubeconfig === undefined ? {} : { file: resolve(cli.io.cwd, options.kubeconfig) }),
    ...(options.context === undefined ? {} : { context: options.context }),
  }).catch((error: unknown) => {
    if (error instanceof ConfigError) throw new CliError(error.message, { cause: error });
    throw error;
  });
  const transport = new Transport(access);
  try {
    const client = new Client({ transport, clock: systemClock, random: systemRandom, userAgent: "spice" });
    const namespace = options.namespace ?? access.namespace;
    const name = cluster ?? (await onlyCluster(client, namespace, signal));
    const about = { cluster: name, namespace, ...(selector === undefined ? {} : { selector }) };
    await writeBundle(cli, name, options, about, (bundle) =>
      collectKubernetes(bundle, {
        ...{ client, namespace, cluster: name, logLines: options.lines, signal },
        ...(selector === undefined ? {} : { selector }),
        ...(operatorNamespace === undefined ? {} : { operatorNamespace }),
      }),
    );
  } finally {
    transport.close();
  }
}

/** The cluster of a namespace that has one. */
async function onlyCluster(client: Client, namespace: string, signal: AbortSignal): Promise<string> {
  const { items } = await client.list(clusterType, { namespace }, signal).catch((error: unknown) => {
    throw new CliError(
      `Name a cluster: those of ${namespace} cannot be listed. ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  });
  const names = items.map(({ metadata }) => metadata.name ?? "");
  if (names.length === 1) return names[0]!;
  throw new CliError(
    names.length === 0
      ? `There is no SpicepodCluster in the namespace ${namespace}`
      : `Name a cluster; in ${namespace} are: ${names.join(", ")}`,
    { exitCode: names.length === 0 ? 1 : 2 },
  );
}

async function writeBundle(
  { io, version }: Cli,
  name: string,
  options: ReportOptions,
  about: Readonly<Record<string, unknown>>,
  collect: (bundle: Bundle) => Promise<void>,
): Promise<void> {
  const nowMs = Date.now();
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, "");
  const folder = `spice-report-${name}-${time}`.slice(0, 60);
  const sink =
    options.output === undefined
      ? await archiveSink(io.cwd, folder, nowMs)
      : await folderSink(resolve(io.cwd, options.output));
  const bundle = new Bundle(sink);
  try {
    await collect(bundle);
    await bundle.finish({ created_at: new Date(nowMs).toISOString(), spice_version: version, ...about });
  } catch (error) {
    await sink.discard();
    throw error;
  }
  tell(io, sink.place, bundle);
}

function tell(io: Io, place: string, bundle: Bundle): void {
  const size = bundle.collected.reduce((sum, file) => sum + file.size, 0);
  print(io, `${place}: ${bundle.collected.length} files, ${byteSize(size)}`);
  if (bundle.missing.length === 0) return;
  print(io, "Not collected:");
  for (const { what, reason } of bundle.missing.slice(0, 20)) print(io, `  ${what}: ${reason}`);
  if (bundle.missing.length > 20) print(io, `  and ${bundle.missing.length - 20} more, in manifest.json`);
}
