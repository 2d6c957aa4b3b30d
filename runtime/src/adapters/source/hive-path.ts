/** The `key=value` folders of a path, with NULL for the default partition's name and percent-encoding undone. */
export function hiveKeys(path: string): ReadonlyMap<string, string | null> {
  const keys = new Map<string, string | null>();
  for (const part of path.split("/").slice(0, -1)) {
    const at = part.indexOf("=");
    if (at <= 0) continue;
    const value = part.slice(at + 1);
    keys.set(part.slice(0, at), value === "__HIVE_DEFAULT_PARTITION__" ? null : decode(value));
  }
  return keys;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A stray percent sign: the folder's name is the value.
  }
}
