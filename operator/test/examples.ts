import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { nothingObserved, type Observed, type RenderContext } from "../src/render/context.ts";
import type { Json, JsonObject } from "../src/schema/schema.ts";
import { formatFieldProblem, validateCluster } from "../src/validate/validate.ts";

const folder = join(import.meta.dirname, "examples");

/** The names of all example resources. */
export const exampleNames = readdirSync(folder).map((file) => file.replace(/\.yaml$/, ""));

const oldClaim: JsonObject = {
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name: "data" },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "200Gi" } } },
  status: { phase: "Pending" },
};

/** What the API server shows beside an example, where that is more than nothing. */
const observed: Readonly<Record<string, Partial<Observed>>> = {
  "config-map-ref": {
    configMapText: "datasets: [{ name: t, from: 'file:/x.parquet' }]\nname: from-map\n",
    spicepodGeneration: 7,
  },
  "grown-volume": { executors: new Map([[0, { volumeClaimTemplates: [oldClaim] }]]) },
  "no-executors": {
    executors: new Map([
      [1, { volumeClaimTemplates: [oldClaim] }],
      [0, { volumeClaimTemplates: [oldClaim] }],
    ]),
  },
  "pod-monitor": { apis: { podMonitor: true } },
};

export function exampleResource(name: string): Json {
  return parse(readFileSync(join(folder, `${name}.yaml`), "utf8")) as Json;
}

/** An example, checked and ready to render. */
export function exampleContext(name: string): RenderContext {
  const { cluster, problems } = validateCluster(exampleResource(name));
  if (problems !== undefined) throw new Error(`${name}: ${problems.map(formatFieldProblem).join("; ")}`);
  return { cluster, observed: { ...nothingObserved, ...observed[name] }, clusterDomain: "cluster.local" };
}
