import type { Database } from "../../ports/database.ts";
import { type Source, SourceParameterError } from "../../ports/source.ts";
import { filesDescription } from "./files.ts";
import type { SourceDescription } from "./parameters.ts";
import { postgresDescription } from "./postgres.ts";

/** Every connector, for startup checks and documentation. */
export const sourceDescriptions: readonly SourceDescription[] = [filesDescription, postgresDescription];

/**
 * Open the source that `from` names. `parameters` are the dataset's `params`, with secrets already in place.
 * Throws `SourceParameterError` for an unknown connector or parameter; nothing is contacted yet.
 */
export async function openSource(
  database: Database,
  from: string,
  parameters: Readonly<Record<string, string>>,
): Promise<Source> {
  const scheme = /^([a-z0-9]+):/i.exec(from)?.[1]?.toLowerCase();
  switch (scheme) {
    case "file":
    case "s3":
      return (await import("./files.ts")).openFiles(database, from, parameters);
    case "postgres":
      return (await import("./postgres.ts")).openPostgres(database, from, parameters);
    default:
      throw new SourceParameterError(
        `'${from}' names no source of this version: expected ${sourceDescriptions.flatMap((d) => d.schemes.map((s) => `${s}:`)).join(", ")}`,
      );
  }
}
