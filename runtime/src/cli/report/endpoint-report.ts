import { readFile, stat } from "node:fs/promises";
import { parseAddress } from "../../core/text/address.ts";
import type { ApiClient } from "../api-client.ts";
import type { ClusterDir, ClusterRecord } from "../local/cluster-dir.ts";
import { isAlive } from "../local/process-identity.ts";
import type { Bundle } from "./bundle.ts";
import { collectNode } from "./node-report.ts";

/** A log's last bytes that are read. */
const logBytes = 2 * 2 ** 20;

/**
 * Collect what the node at an endpoint says, and what a local cluster (`spice cluster up`) left in its directory when the
 * endpoint is its own. Resolves with whether anything was found.
 */
export async function collectEndpoint(
  bundle: Bundle,
  client: ApiClient,
  local: { readonly dir: ClusterDir; readonly record: ClusterRecord } | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const answered = await collectNode(bundle, "node", (path, all) => client.probe(path, all), {
    cluster: true,
    signal,
  });
  if (answered) await collectMetrics(bundle, client, signal);
  if (local !== undefined) await collectLocal(bundle, local, signal);
  return answered || local !== undefined;
}

/** Metrics are on a port of their own, which the status names. */
async function collectMetrics(bundle: Bundle, client: ApiClient, signal: AbortSignal): Promise<void> {
  await bundle.attempt("node/metrics.txt", signal, async () => {
    const rows = await client.json<{ name: string; endpoint: string }[]>("/v1/status", signal);
    const bound = rows.find(({ name }) => name === "metrics")?.endpoint ?? "";
    const address = parseAddress(bound);
    if (address === undefined) throw new Error("The node has no metrics port (--metrics)");
    const url = new URL("http://host/metrics?scope=cluster");
    // What is bound to every address is reached where the API is.
    const everywhere = address.host === "0.0.0.0" || address.host === "::";
    url.hostname = everywhere ? new URL(client.endpoint).hostname : address.host;
    url.port = String(address.port);
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(20_000)]) });
    if (!response.ok) throw new Error(`${url} was answered with ${response.status}`);
    await bundle.text("node/metrics.txt", await response.text());
  });
}

async function collectLocal(
  bundle: Bundle,
  { dir, record }: { readonly dir: ClusterDir; readonly record: ClusterRecord },
  signal: AbortSignal,
): Promise<void> {
  await bundle.json("local/processes.json", {
    ...record,
    processes: record.processes.map((process) => ({ ...process, alive: isAlive(process) })),
  });
  for (const { name } of record.processes) {
    await bundle.attempt(`local/logs/${name}.log`, signal, async () => {
      const file = dir.logFile(name);
      const { size } = await stat(file);
      const text = await readFile(file, "utf8");
      const lines = size > logBytes ? text.slice(text.indexOf("\n", text.length - logBytes) + 1) : text;
      await bundle.text(`local/logs/${name}.log`, lines);
    });
  }
  await bundle.attempt("local/spicepod.yaml", signal, async () =>
    bundle.text("local/spicepod.yaml", await readFile(record.spicepod, "utf8")),
  );
}
