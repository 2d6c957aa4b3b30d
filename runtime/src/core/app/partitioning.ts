export interface BoundPartitioning {
  canonical: string;
}
/** TEMPORARY seam until core/partition lands. */
export function canonicalExpression(text: string): string {
  return text
    .trim()
    .replace(/\s*,\s*/g, ", ")
    .replace(/\(\s+/g, "(")
    .replace(/\s+\)/g, ")");
}
export function expressionSql(text: string): { sql: string; plain: boolean; column: string } {
  const bucket = /^bucket\(\s*(\d+)\s*,\s*(\w+)\s*\)$/.exec(text);
  if (bucket !== null)
    return {
      sql: `(CASE WHEN "${bucket[2]}" IS NULL THEN NULL ELSE hash("${bucket[2]}") % ${bucket[1]} END)::BIGINT::VARCHAR`,
      plain: false,
      column: bucket[2]!,
    };
  return { sql: `(${text})::VARCHAR`, plain: /^\w+$/.test(text), column: text };
}
export function unitPath(names: readonly string[], values: readonly (string | null)[]): string {
  return names
    .map(
      (n, i) => `${n}=${values[i] === null ? "__HIVE_DEFAULT_PARTITION__" : encodeURIComponent(values[i]!)}`,
    )
    .join("/");
}
export function staticBuckets(text: string): number | undefined {
  const m = /^bucket\(\s*(\d+)\s*,/.exec(text);
  return m === null ? undefined : Number(m[1]);
}
