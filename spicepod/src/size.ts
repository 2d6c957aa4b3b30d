const units = [
  ["TiB", 1024 ** 4],
  ["TB", 1000 ** 4],
  ["GiB", 1024 ** 3],
  ["GB", 1000 ** 3],
  ["MiB", 1024 ** 2],
  ["MB", 1000 ** 2],
  ["KiB", 1024],
  ["KB", 1000],
  ["B", 1],
] as const;

const bytesPer: ReadonlyMap<string, number> = new Map(units);

/** The shape of a size as a regular expression without flags; the JSON Schema uses it too. */
export const sizePattern = "^[0-9]+(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$";

/**
 * Reads a size such as `512MB` (decimal) or `4GiB` (binary) (spec chapter 02).
 * Gives bytes, or undefined when the text is no size or too large to count exactly.
 */
export function parseSize(text: string): number | undefined {
  if (!new RegExp(sizePattern).test(text)) return undefined;
  const digits = text.match(/^[0-9]+/)?.[0] as string;
  const bytes = Number(digits) * (bytesPer.get(text.slice(digits.length)) as number);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Writes whole bytes in the largest unit that `parseSize` reads back exactly, e.g. `4GiB`. */
export function formatSize(bytes: number): string {
  const found = units.find(([, size]) => bytes >= size && bytes % size === 0);
  return found === undefined ? `${bytes}B` : `${bytes / found[1]}${found[0]}`;
}

/** What the writer of a text that is no size may have meant: `4Gi` → `4GiB`, `512 mb` → `512MB`. */
export function suggestSize(text: string): string | undefined {
  const [, digits, unit] = text.match(/^\s*([0-9]+)\s*([a-z]*)\s*$/i) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const wanted = (unit === "" ? "b" : unit).toLowerCase();
  const found = units.find(([name]) =>
    [name.toLowerCase(), name.toLowerCase().slice(0, -1)].includes(wanted),
  );
  return found === undefined || `${digits}${found[0]}` === text ? undefined : `${digits}${found[0]}`;
}
