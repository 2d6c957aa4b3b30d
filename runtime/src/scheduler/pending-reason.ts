import type { AppTable } from "../core/app/app.ts";
import type { ExecutorViews } from "./executor-views.ts";

/** Why a dataset of the spicepod cannot be queried yet; undefined for one that can, and for other names. */
export function pendingReason(
  name: string,
  known: {
    readonly tables: readonly AppTable[];
    /** Those that can be queried, by name in lower case. */
    readonly queried: { has(name: string): boolean };
    readonly executors: ReturnType<ExecutorViews["all"]>;
    /** The last failure of discovery, by full name. */
    discoveryError(table: string): string | undefined;
  },
): string | undefined {
  const table = known.tables.find((t) => t.name.toLowerCase() === name.toLowerCase());
  if (table === undefined || known.queried.has(table.name.toLowerCase())) return undefined;
  const failed = known.executors.find((e) => (e.tables.get(table.fullName)?.error ?? "") !== "");
  return (
    known.discoveryError(table.fullName) ?? failed?.tables.get(table.fullName)?.error ?? "it is not loaded"
  );
}
