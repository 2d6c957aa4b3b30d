const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
] as const;

const millisecondsPer: ReadonlyMap<string, number> = new Map(units);

/** The shape of a duration as a regular expression without flags; the JSON Schema uses it too. */
export const durationPattern = "^([0-9]+(ms|s|m|h|d))+$";

/**
 * Reads a duration such as `500ms`, `10s`, `5m`, `2h`, `1d` or a sum like `1h30m` (spec chapter 02).
 * Gives milliseconds, or undefined when the text is no duration or too large to count exactly.
 */
export function parseDuration(text: string): number | undefined {
  if (!new RegExp(durationPattern).test(text)) return undefined;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/([0-9]+)(ms|s|m|h|d)/g)) {
    total += Number(count) * (millisecondsPer.get(unit as string) as number);
  }
  return Number.isSafeInteger(total) ? total : undefined;
}

/** Writes whole milliseconds the shortest way that `parseDuration` reads back, e.g. `1h30m`. */
export function formatDuration(milliseconds: number): string {
  let rest = milliseconds;
  let text = "";
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text === "" ? "0s" : text;
}

/** What the writer of a text that is no duration may have meant: `30` → `30s`, `5 min` → `5m`. */
export function suggestDuration(text: string): string | undefined {
  const folded = text
    .toLowerCase()
    .replace(/[\s,]+/g, "")
    .replace(/(milliseconds?|millis|msecs?)/g, "ms")
    .replace(/(seconds?|secs?)/g, "s")
    .replace(/(minutes?|mins?)/g, "m")
    .replace(/(hours?|hrs?)/g, "h")
    .replace(/days?/g, "d");
  const guess = /^[0-9]+$/.test(folded) ? `${folded}s` : folded;
  return guess !== text && parseDuration(guess) !== undefined ? guess : undefined;
}
