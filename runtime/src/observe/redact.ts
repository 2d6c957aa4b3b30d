/** What stands in a log line where a secret was. */
export const redacted = "[redacted]";

const secretKey =
  /pass(?:word|wd|phrase)?$|secret|token|authorization|cookie|api[-_]?key|private[-_]?key|access[-_]?key|credential/i;

/**
 * Keeps secrets out of every line, whoever writes it: fields whose name says that they hold one are replaced by
 * construction, and values that were resolved from a secret store are blanked wherever they turn up, also inside
 * another program's error text.
 */
export class Redactor {
  readonly #values = new Set<string>();

  /** Blank this value in every later line. Values shorter than four characters would blank ordinary text. */
  addSecret(value: string): void {
    if (value.length < 4) return;
    this.#values.add(value);
    // The value as it looks inside a JSON line.
    this.#values.add(JSON.stringify(value).slice(1, -1));
    const encoded = encodeURIComponent(value);
    if (encoded !== value) this.#values.add(encoded);
  }

  /** The text without any known secret value. */
  text(text: string): string {
    let clean = text;
    for (const value of this.#values) {
      if (clean.includes(value)) clean = clean.replaceAll(value, redacted);
    }
    return clean;
  }

  /** A copy of a log record without the fields that hold secrets. */
  fields(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return cleaned(record, 0);
  }
}

function cleaned(record: Readonly<Record<string, unknown>>, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(record)) {
    if (secretKey.test(key) && value !== undefined && value !== null) copy[key] = redacted;
    else copy[key] = depth < 6 ? cleanedValue(value, depth + 1) : "[deep]";
  }
  return copy;
}

function cleanedValue(value: unknown, depth: number): unknown {
  if (Array.isArray(value)) return value.map((item) => cleanedValue(item, depth));
  if (typeof value !== "object" || value === null) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Errors and other class instances are left to the serialisers.
  return prototype === Object.prototype || prototype === null
    ? cleaned(value as Record<string, unknown>, depth)
    : value;
}
