import { afterSql, formatInstant, type TimeColumn } from "./time-column.ts";

/** What is deleted from an acceleration by age or by rule (spec chapters 02 and 05). */
export interface Retention {
  readonly periodMs?: number;
  /** Predicate of `retention_sql`: rows for which it holds are deleted. */
  readonly predicate?: string;
}

/** SQL of the rows that retention deletes at `nowMs`; undefined when there is no rule. Rows without time stay. */
export function retentionSql(
  retention: Retention,
  time: TimeColumn | undefined,
  nowMs: number,
): string | undefined {
  const rules: string[] = [];
  if (retention.periodMs !== undefined && time !== undefined) {
    const cutoff = formatInstant(BigInt(Math.floor(nowMs - retention.periodMs)) * 1_000n);
    rules.push(`NOT (${afterSql(time, cutoff)})`);
  }
  if (retention.predicate !== undefined) rules.push(`(${retention.predicate})`);
  return rules.length === 0 ? undefined : rules.join(" OR ");
}

/** The predicate of `DELETE FROM {dataset} WHERE …`; undefined when the text has another shape. */
export function retentionPredicate(sql: string, dataset: string): string | undefined {
  const match =
    /^\s*DELETE\s+FROM\s+((?:"[^"]+"|[\w$]+)(?:\.(?:"[^"]+"|[\w$]+))*)\s+WHERE\s+(.+?)\s*;?\s*$/is.exec(sql);
  if (match === null) return undefined;
  const written = match[1]!.replaceAll('"', "").toLowerCase();
  const name = dataset.toLowerCase();
  return written === name || written.endsWith(`.${name}`) || name.endsWith(`.${written}`)
    ? match[2]
    : undefined;
}
