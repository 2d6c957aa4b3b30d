/**
 * Holds the direction of imports: from the edge to the centre, never back.
 *
 * `core ← ports ← adapters ← {scheduler, executor} ← api ← bin`; scheduler and executor never meet, and
 * `spicepod`, `certificates` and `proto` know nothing of the runtime, `kube` nothing of ours at all; the operator's
 * layers are `schema ← api ← {render, validate, certificates} ← cli ← bin`. Prints every breach and exits 1.
 */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const root = join(import.meta.dirname, "..");
const runtime = "runtime/src/";
const operator = "operator/src/";

/** For each layer, the layers it may import from besides itself. */
const allowed: Record<string, readonly string[]> = {
  core: ["spicepod"],
  ports: ["core", "spicepod"],
  observe: ["ports", "core", "spicepod"],
  adapters: ["ports", "core", "observe", "spicepod", "proto"],
  accelerator: ["adapters", "ports", "core", "spicepod"],
  scheduler: ["adapters", "ports", "core", "observe", "spicepod", "proto"],
  executor: ["adapters", "ports", "core", "observe", "spicepod", "proto"],
  api: ["scheduler", "executor", "adapters", "ports", "core", "observe", "spicepod"],
  cli: ["adapters", "ports", "core", "observe", "spicepod", "certificates", "proto", "kube"],
  bin: ["api", "cli", "scheduler", "executor", "adapters", "ports", "core", "observe", "spicepod", "proto"],
  spicepod: [],
  certificates: [],
  proto: [],
  "operator/schema": [],
  "operator/api": ["operator/schema", "spicepod"],
  "operator/validate": ["operator/schema", "operator/api", "spicepod"],
  "operator/render": ["operator/schema", "operator/api", "operator/certificates", "spicepod"],
  "operator/certificates": ["operator/api", "certificates"],
  "operator/lifecycle": ["operator/api"],
  "operator/admin": ["operator/lifecycle", "operator/api", "proto"],
  "operator/cli": [
    "operator/schema",
    "operator/api",
    "operator/validate",
    "operator/render",
    "operator/certificates",
    "operator/process",
    "operator/reconcile",
    "operator/webhook",
    "spicepod",
    "kube",
  ],
  "operator/status": ["operator/schema", "operator/api", "operator/lifecycle"],
  "operator/reconcile": [
    "operator/schema",
    "operator/api",
    "operator/validate",
    "operator/render",
    "operator/certificates",
    "operator/lifecycle",
    "operator/admin",
    "operator/status",
    "certificates",
    "spicepod",
    "kube",
  ],
  "operator/webhook": [
    "operator/schema",
    "operator/api",
    "operator/validate",
    "operator/reconcile",
    "certificates",
    "spicepod",
    "kube",
  ],
  "operator/process": [
    "operator/api",
    "operator/admin",
    "operator/reconcile",
    "operator/webhook",
    "certificates",
    "kube",
  ],
  "operator/bin": ["operator/cli", "operator/process", "operator/reconcile", "operator/admin", "kube"],
  kube: [],
  // Engines of other people know the public entry alone.
  example: ["accelerator"],
};

/** Layers of the operator that plan and render: they do no I/O, as the runtime's core. */
const pureOperator = new Set(
  ["schema", "api", "validate", "render", "certificates", "lifecycle"].map((f) => `operator/${f}`),
);

function layerOf(file: string): string | undefined {
  if (file.startsWith("spicepod/")) return "spicepod";
  if (file.startsWith("certificates/")) return "certificates";
  if (file.startsWith("proto/")) return "proto";
  if (file.startsWith(operator)) {
    const [folder = "", ...rest] = file.slice(operator.length).split("/");
    return rest.length === 0 ? undefined : `operator/${folder}`;
  }
  if (file.startsWith("kube/")) return "kube";
  if (file.startsWith("examples/")) return "example";
  return file.startsWith(runtime) ? file.slice(runtime.length).split("/")[0] : undefined;
}

function target(file: string, specifier: string): string | undefined {
  if (specifier.startsWith("@spice-shards/runtime/accelerator")) return "accelerator";
  if (specifier.startsWith("@spice-shards/")) return specifier.slice("@spice-shards/".length).split("/")[0];
  if (!specifier.startsWith(".")) return undefined;
  return layerOf(relative(root, join(root, dirname(file), specifier)));
}

const breaches: string[] = [];
for (const file of globSync(
  ["spicepod", "certificates", "proto", "kube", "runtime", "operator", "examples/accelerator-*"].map(
    (folder) => `${folder}/src/**/*.ts`,
  ),
  { cwd: root },
)) {
  if (/\.test\.ts$|\/testing\//.test(file)) continue;
  const from = layerOf(file);
  if (from === undefined) continue;
  const may = allowed[from];
  if (may === undefined) {
    breaches.push(`${file}: folder ${from} has no place in the import rules (scripts/check-imports.ts)`);
    continue;
  }
  const text = readFileSync(join(root, file), "utf8");
  for (const [, specifier] of text.matchAll(/(?:from|import\()\s*"([^"]+)"/g)) {
    const to = target(file, specifier as string);
    if (to !== undefined && to !== from && !may.includes(to)) {
      breaches.push(`${file}: ${from} may not import from ${to} (${specifier})`);
    }
    if (
      (from === "core" || pureOperator.has(from)) &&
      /^node:(fs|net|http|https|child_process|worker_threads|dgram|tls)/.test(specifier as string)
    ) {
      breaches.push(`${file}: ${from} does no I/O, so it may not import ${specifier}`);
    }
  }
}
if (breaches.length > 0) {
  console.error(breaches.join("\n"));
  process.exit(1);
}
