/** A column with its DuckDB type as SQL text. */
export interface Column {
  readonly name: string;
  readonly type: string;
}

export type Evolution =
  | { readonly kind: "columns"; readonly columns: readonly Column[]; readonly changed: boolean }
  | { readonly kind: "mismatch"; readonly reason: string };

const integers = ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"];
const unsigned = ["UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"];

/**
 * The columns of a table after a source with the columns `incoming` was read (spec chapter 05, schema evolution).
 *
 * Added columns go to the end, a wider type on either side wins; a column that went away or changed its type in
 * another way is a mismatch. Names match case-insensitively and the table's spelling stays.
 */
export function evolveColumns(table: readonly Column[], incoming: readonly Column[]): Evolution {
  const byName = new Map(incoming.map((c) => [c.name.toLowerCase(), c]));
  const columns: Column[] = [];
  let changed = false;
  for (const column of table) {
    const now = byName.get(column.name.toLowerCase());
    if (now === undefined) {
      return { kind: "mismatch", reason: `column ${column.name} is no longer in the source` };
    }
    byName.delete(column.name.toLowerCase());
    const type = widerType(column.type, now.type);
    if (type === undefined) {
      return {
        kind: "mismatch",
        reason: `column ${column.name} changed its type from ${column.type} to ${now.type}, which does not hold every old value`,
      };
    }
    if (type !== column.type) changed = true;
    columns.push({ name: column.name, type });
  }
  for (const added of byName.values()) {
    changed = true;
    columns.push({ name: added.name, type: added.type });
  }
  return { kind: "columns", columns, changed };
}

/** The type that holds every value of both, when one of them does; undefined otherwise. */
export function widerType(a: string, b: string): string | undefined {
  if (a === b) return a;
  if (holds(a, b)) return a;
  if (holds(b, a)) return b;
  return undefined;
}

function holds(wide: string, narrow: string): boolean {
  for (const chain of [integers, unsigned]) {
    if (chain.includes(wide) && chain.includes(narrow)) return chain.indexOf(wide) > chain.indexOf(narrow);
  }
  if (integers.includes(wide) && unsigned.includes(narrow)) {
    return integers.indexOf(wide) > unsigned.indexOf(narrow);
  }
  if (wide === "DOUBLE")
    return ["FLOAT", "TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER"].includes(narrow);
  const [wideDecimal, narrowDecimal] = [decimal(wide), decimal(narrow)];
  if (wideDecimal !== undefined && narrowDecimal !== undefined) {
    return (
      wideDecimal.scale >= narrowDecimal.scale &&
      wideDecimal.width - wideDecimal.scale >= narrowDecimal.width - narrowDecimal.scale
    );
  }
  if (wide.endsWith("[]") && narrow.endsWith("[]")) return holds(wide.slice(0, -2), narrow.slice(0, -2));
  return false;
}

function decimal(type: string): { width: number; scale: number } | undefined {
  const match = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type);
  return match === null ? undefined : { width: Number(match[1]), scale: Number(match[2]) };
}
