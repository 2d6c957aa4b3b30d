import { looksSecret } from "../field/report.ts";
import { findReferences } from "./reference.ts";

/** What is shown in the place of a secret. */
export const hidden = "[redacted]";

/** Values shorter than this are not searched for in texts: they would hide ordinary words. */
const shortest = 4;

/** Knows the secret values that were resolved and takes them out of texts such as error messages of a driver. */
export class Redactor {
  readonly #values = new Set<string>();

  /** Remembers a value; also as it looks within a URL and within SQL or JSON quotes. */
  add(value: string): void {
    for (const form of [
      value,
      encodeURIComponent(value),
      value.replaceAll("'", "''"),
      JSON.stringify(value).slice(1, -1),
    ]) {
      if (form.length >= shortest) this.#values.add(form);
    }
  }

  redact(text: string): string {
    let redacted = text;
    const longestFirst = [...this.#values].sort((a, b) => b.length - a.length);
    for (const value of longestFirst) redacted = redacted.replaceAll(value, hidden);
    return redacted;
  }

  toJSON(): string {
    return hidden;
  }
}

/**
 * A copy of plain data (a spicepod or a part of it) that can be shown: under `params` and `keys` every value whose
 * name says that it is secret is hidden, unless it is only a reference to a secret.
 */
export function redactValues<T>(data: T): T {
  return redactAt(data, "") as T;
}

function redactAt(data: unknown, name: string): unknown {
  if (Array.isArray(data)) return data.map((item) => redactAt(item, name));
  if (typeof data === "object" && data !== null) {
    return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, redactAt(value, key)]));
  }
  if (typeof data !== "string" || !looksSecret(name)) return data;
  const [only] = findReferences(data);
  return only?.text === data ? data : hidden;
}
