import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  type ParameterSpec,
  resolveParameters,
  resolveText,
  type SecretStores,
  type SourceParameters,
  secretReferences,
} from "@spice-shards/spicepod";
import { openSource, sourceDescriptions } from "../adapters/source/registry.ts";
import { localSecretStores } from "../adapters/system/local-secrets.ts";
import type { App, AppTable } from "../core/app/app.ts";
import type { Database } from "../ports/database.ts";
import { type Source, SourceError } from "../ports/source.ts";

const prefix = "s3_";

/** The parameters of this version's connectors; those of object stores also without their prefix (spec chapter 06). */
export const connectorParameters: SourceParameters = (source) => {
  const scheme = source.kind === "object" ? source.scheme : source.kind;
  const parameters: readonly ParameterSpec[] =
    sourceDescriptions.find((d) => d.schemes.includes(scheme))?.parameters ?? [];
  if (scheme !== "s3") return parameters.filter(({ name }) => !name.startsWith(prefix));
  return [
    ...parameters,
    ...parameters
      .filter(({ name }) => name.startsWith(prefix))
      .map((p) => ({ ...p, name: p.name.slice(prefix.length) })),
  ];
};

/** Open the source of a dataset: secrets resolved, the extension that it needs loaded. */
export async function openDatasetSource(
  table: AppTable,
  database: Database,
  secrets: SecretStores,
  onSecret: (value: string) => void,
  signal: AbortSignal,
): Promise<Source> {
  const { source, path, params } = table.dataset;
  const resolved = await resolveParameters(params, `${path}.params`, {
    stores: secrets,
    onResolved: onSecret,
    signal,
  });
  const known = new Set(sourceDescriptions.flatMap((d) => d.parameters.map((p) => p.name)));
  const parameters = Object.fromEntries(
    Object.entries(resolved.reveal()).map(([name, value]) => [
      known.has(name) || !known.has(prefix + name) ? name : prefix + name,
      value,
    ]),
  );
  if (source.kind === "postgres") await loadExtension(database, "postgres_scanner");
  if (source.kind === "object" && source.scheme === "s3") await loadExtension(database, "httpfs");
  return openSource(database, source.text, parameters);
}

/** Where DuckDB's signed extensions lie: `SPICED_EXTENSION_DIR`, else beside this package. */
export function extensionDirectory(env: Readonly<Record<string, string | undefined>>): string {
  return env["SPICED_EXTENSION_DIR"] ?? join(import.meta.dirname, "..", "..", "extensions");
}

async function loadExtension(database: Database, name: string): Promise<void> {
  const root = extensionDirectory(process.env);
  const file = join(root, `${name}.duckdb_extension`);
  if (!existsSync(file)) {
    throw new SourceError(
      `DuckDB's extension ${name} is not in ${root}: run \`make extensions\`, or point SPICED_EXTENSION_DIR to it`,
      { retryable: false },
    );
  }
  await database.run(`LOAD '${file.replaceAll("'", "''")}'`);
}

/** The secrets of a scheduler, or of a node without mTLS: its own stores. */
export function localSecrets(app: App): SecretStores {
  return localSecretStores(app.spicepod.secrets);
}

/** Resolve one secret for an executor: only keys that the spicepod uses, each under the name `store:NAME`. */
export async function expandSecret(app: App, key: string): Promise<string> {
  const used = secretReferences(app.spicepod).some((r) => `${r.store}:${r.name}` === key);
  if (!used) throw new Error("the spicepod does not use this key");
  return resolveText(`\${${key}}`, key, { stores: localSecrets(app) });
}
