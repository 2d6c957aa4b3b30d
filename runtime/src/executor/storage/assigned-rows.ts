import { quoteIdentifier, quoteLiteral } from "../../core/sql/quote.ts";
import type { Database } from "../../ports/database.ts";
import type { PartitionExpression } from "./dataset-config.ts";
import type { Ingest } from "./ingest.ts";

/** The column of {@link assignedSql} with the index of a row's target, as SQL. */
export const part = '"spice partition"';

/**
 * The source's rows with the number of their target. Unless the keys are bare columns of one target, it is found by a
 * hash join with the targets' values: a filter would be pushed below the keys' projection and compute them there anew
 * for each use of a part of them.
 */
export function assignedSql(work: Ingest, types: readonly string[]): string {
  const list = work.columns.map((c) => `s.${quoteIdentifier(c.name)}`).join(", ");
  const values = work.partitionBy.map((_, i) => work.targets.map((t) => t.slot.values[i] ?? null));
  const narrowed = work.partitionBy
    .map((key, i) => narrowing(key, values[i]!, types[i]!))
    .filter((p) => p !== undefined);
  const where = narrowed.length === 0 ? "" : ` WHERE ${narrowed.join(" AND ")}`;
  if (work.targets.length === 1 && narrowed.length === work.partitionBy.length) {
    return `SELECT 0::UINTEGER AS ${part}, ${list} FROM (${work.sql}) s${where}`;
  }
  const keys = work.partitionBy.map((_, i) => `"spice key ${i}"`);
  const evaluated = work.partitionBy.map((key, i) => `(${key.sql}) AS ${keys[i]}`);
  const tuples = work.targets.map((_, number) => {
    const literals = types.map((type, i) => {
      const value = values[i]![number]!;
      return value === null ? `CAST(NULL AS ${type})` : typed(value, type);
    });
    return `(${[String(number), ...literals].join(", ")})`;
  });
  // Where no target is of NULL the faster equality drops the rows of NULL keys as well.
  const on = keys.map((key, i) => {
    const operator = values[i]!.includes(null) ? "IS NOT DISTINCT FROM" : "=";
    return `s.${key} ${operator} m.${key}`;
  });
  return `SELECT CAST(m.part AS UINTEGER) AS ${part}, ${list}
    FROM (SELECT *, ${evaluated.join(", ")} FROM (${work.sql})${where}) s
    JOIN (VALUES ${tuples.join(", ")}) m(part, ${keys.join(", ")}) ON ${on.join(" AND ")}`;
}

/** For a bare column: the wanted values as a predicate that the source can prune by. */
function narrowing(
  key: PartitionExpression,
  values: readonly (string | null)[],
  type: string,
): string | undefined {
  const distinct = [...new Set(values)];
  if (!key.plain || distinct.length > 1000) return undefined;
  const present = distinct.filter((v) => v !== null);
  const rules: string[] = [];
  if (present.length > 0) rules.push(`(${key.sql}) IN (${present.map((v) => typed(v, type)).join(", ")})`);
  if (present.length < distinct.length) rules.push(`(${key.sql}) IS NULL`);
  return `(${rules.join(" OR ")})`;
}

/** The type of each key. */
export async function keyTypes(
  database: Database,
  work: Ingest,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (work.partitionBy.length === 0) return [];
  const list = work.partitionBy.map((key, i) => `(${key.sql}) AS k${i}`).join(", ");
  const described = await database.describe(`SELECT ${list} FROM (${work.sql})`, { signal });
  return described.map((c) => c.type);
}

/** A value's canonical text as a typed constant. */
function typed(text: string, type: string): string {
  if (type === "BLOB") return `unhex(${quoteLiteral(text)})`;
  return `CAST(${quoteLiteral(text)} AS ${type})`;
}
