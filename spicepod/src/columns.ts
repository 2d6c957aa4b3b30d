const item = /^\s*(?:"((?:[^"]|"")+)"|([A-Za-z_][A-Za-z0-9_$]*))\s*$/;

/**
 * Reads a column list as `primary_key`, `indexes` and `on_conflict` write it: `id`, `(a, b)`, or with names in
 * double quotes. Gives the bare names in order, or undefined when the text is no such list or names a column twice.
 */
export function parseColumns(text: string): readonly string[] | undefined {
  const trimmed = text.trim();
  const inner = trimmed.startsWith("(") && trimmed.endsWith(")") ? trimmed.slice(1, -1) : trimmed;
  const parts = splitOutsideQuotes(inner);
  if (parts.length > 1 && inner === trimmed) return undefined;
  const names: string[] = [];
  for (const part of parts) {
    const [, quoted, plain] = part.match(item) ?? [];
    const name = quoted?.replaceAll('""', '"') ?? plain;
    if (name === undefined) return undefined;
    if (names.some((other) => other.toLowerCase() === name.toLowerCase())) return undefined;
    names.push(name);
  }
  return names;
}

function splitOutsideQuotes(text: string): string[] {
  const parts: string[] = [];
  let current = "";
  let quoted = false;
  for (const char of text) {
    if (char === '"') quoted = !quoted;
    if (char === "," && !quoted) {
      parts.push(current);
      current = "";
    } else current += char;
  }
  return [...parts, current];
}

/** Writes a bare column name as an expression: as it stands when it is a plain identifier, else in double quotes. */
export function columnExpression(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
