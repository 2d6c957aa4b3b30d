import { redacted } from "../../observe/redact.ts";
import { redactText } from "./redact-text.ts";
import { isSecretName } from "./secret-name.ts";

/** Any JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Shorter values would blank ordinary text. */
const shortest = 4;

/** Copies of an object within itself, and what says who wrote which field: long, and of no use. */
const leftOut = new Set(["managedFields", "kubectl.kubernetes.io/last-applied-configuration"]);

/**
 * What a support bundle may hold. Two nets: values that are known to be secret (because they were read from a Secret)
 * are blanked wherever they turn up, in any of their usual spellings; and whatever stands where secrets stand is
 * blanked though nobody knows it. Blanks too much rather than too little.
 */
export class Redaction {
  readonly #values = new Set<string>();
  #sorted: readonly string[] | undefined;

  /** Blank this value from now on: as it is, line by line, and as JSON, URLs and base64 spell it. */
  addSecret(value: string): void {
    const whole = value.trim();
    const lines = whole.split(/\r?\n/).map((line) => line.trim());
    const all = lines.length > 1 ? [whole, ...lines.filter((line) => line.length >= 8)] : [whole];
    for (const each of all) {
      if (each.length < shortest || /^(?:true|false|null|none)$/i.test(each)) continue;
      this.#values.add(each);
      this.#values.add(JSON.stringify(each).slice(1, -1));
      this.#values.add(encodeURIComponent(each.toWellFormed()));
      this.#values.add(Buffer.from(each).toString("base64"));
    }
    if (value.length >= shortest) this.#values.add(Buffer.from(value).toString("base64"));
    this.#sorted = undefined;
  }

  /** The text without secrets. */
  text(text: string): string {
    return redactText(this.#known(text));
  }

  /** A copy of a value without secrets: also without what only repeats the rest. */
  json(value: unknown): Json {
    return this.#cleaned(value, "");
  }

  #known(text: string): string {
    // The longest first: a value may be a part of another.
    this.#sorted ??= [...this.#values].sort((a, b) => b.length - a.length);
    let clean = text;
    for (const value of this.#sorted) {
      if (clean.includes(value)) clean = clean.replaceAll(value, redacted);
    }
    return clean;
  }

  #cleaned(value: unknown, name: string): Json {
    switch (typeof value) {
      case "string":
        return this.#string(value, name);
      case "number":
        return isSecretName(name) || this.#known(String(value)) !== String(value) ? redacted : value;
      case "boolean":
        return value;
      case "object":
        if (value === null) return null;
        return Array.isArray(value) ? this.#list(value, name) : this.#object(value);
      default:
        return null;
    }
  }

  #string(value: string, name: string): string {
    if (name !== "" && isSecretName(name)) return keepsReference(value) ? value : redacted;
    return this.text(value);
  }

  #list(list: readonly unknown[], name: string): Json {
    let previous: unknown;
    return list.map((item) => {
      // `--password x` as two arguments.
      const flag =
        typeof previous === "string" && /^--?[\w.-]+$/.test(previous) && isSecretName(previous)
          ? previous
          : undefined;
      previous = item;
      return this.#cleaned(item, typeof item === "string" ? (flag ?? name) : "");
    });
  }

  #object(object: object): Json {
    const fields = Object.entries(object);
    const named = (wanted: string): unknown => fields.find(([key]) => key === wanted)?.[1];
    const label = named("name");
    const valueIsSecret = typeof label === "string" && isSecretName(label);
    const keyIsSecret = typeof named("secret") === "string";
    return Object.fromEntries(
      fields
        .filter(([key, value]) => value !== undefined && !leftOut.has(key))
        .map(([key, value]) => {
          const secret = (key === "value" && valueIsSecret) || (key === "key" && keyIsSecret);
          return [this.#known(key), this.#cleaned(value, secret ? "secret" : key)];
        }),
    );
  }
}

function keepsReference(value: string): boolean {
  return value === "" || /^\$\{[^}]*\}$/.test(value);
}
