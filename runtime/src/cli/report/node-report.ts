import { forEachLimited } from "../../core/for-each-limited.ts";
import type { Bundle } from "./bundle.ts";

/** What a node answered, whatever the status. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** How to ask a node: over the network, or through the API server. Throws when it cannot be reached. */
export type Ask = (path: string, signal: AbortSignal) => Promise<Answer>;

/** Of how many datasets the partitions are listed. */
const mostDatasets = 100;
const askMs = 20_000;

/**
 * Collect below `folder` what a node says of itself and, on a scheduler, of its cluster. Resolves with whether it
 * answered at all.
 */
export async function collectNode(
  bundle: Bundle,
  folder: string,
  ask: Ask,
  options: { readonly cluster: boolean; readonly signal: AbortSignal },
): Promise<boolean> {
  const { signal } = options;
  let answered = false;
  const get = (path: string, file: string, whole: boolean) =>
    bundle.attempt(`${folder}/${file}`, signal, async () => {
      const { status, text } = await ask(path, AbortSignal.any([signal, AbortSignal.timeout(askMs)]));
      answered = true;
      if (status === 200 || whole) await addAnswer(bundle, `${folder}/${file}`, text, status);
      else throw new Error(`GET ${path} was answered with ${status}: ${text.trim().slice(0, 500)}`);
      return text;
    });
  // That a node is not ready, and why, is an answer as well.
  const first = await get("/v1/ready?scope=node", "ready-node.txt", true);
  // One that cannot be reached is not asked again and again.
  if (first === undefined) return false;
  await get("/v1/ready", "ready.txt", true);
  await get("/v1/status", "status.json", false);
  if (!options.cluster) return answered;
  await get("/v1/cluster", "cluster.json", false);
  const datasets = namesIn(await get("/v1/datasets?status=true", "datasets.json", false));
  if (datasets.length > mostDatasets) {
    bundle.note(`Partitions are listed of ${mostDatasets} of ${datasets.length} datasets.`);
  }
  await forEachLimited(datasets.slice(0, mostDatasets), 4, async (name) => {
    await get(`/v1/datasets/${encodeURIComponent(name)}/partitions`, `partitions/${name}.json`, false);
  });
  return answered;
}

async function addAnswer(bundle: Bundle, path: string, text: string, status: number): Promise<void> {
  const note = status === 200 ? undefined : `answered with ${status}`;
  let value: unknown;
  try {
    value = path.endsWith(".json") ? JSON.parse(text) : undefined;
  } catch {
    // What broke off or never was JSON is told as it is.
  }
  if (value === undefined) await bundle.text(path, text, note);
  else await bundle.json(path, value, note);
}

function namesIn(text: string | undefined): string[] {
  if (text === undefined) return [];
  try {
    const rows = JSON.parse(text) as unknown;
    if (!Array.isArray(rows)) return [];
    return rows.flatMap((row: { name?: unknown }) => (typeof row.name === "string" ? [row.name] : []));
  } catch {
    return [];
  }
}
