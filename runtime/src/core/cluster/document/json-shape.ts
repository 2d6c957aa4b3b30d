import { CorruptDocumentError } from "../errors.ts";

/** A JSON object whose fields are not yet known to be right. */
export type RawObject = Readonly<Record<string, unknown>>;

/** Reads fields of parsed JSON and names the place of the first one that is wrong. */
export class JsonShape {
  readonly #what: string;
  readonly #advice: string;

  /** `what` names the document in messages; `advice` is the sentence on what to do. */
  constructor(what: string, advice: string) {
    this.#what = what;
    this.#advice = advice;
  }

  fail(where: string, problem: string, cause?: unknown): never {
    throw new CorruptDocumentError(`${this.#what} is corrupt: ${where} ${problem}. ${this.#advice}`, {
      cause,
    });
  }

  parse(text: string): RawObject {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      return this.fail("it", `is not valid JSON (${(error as Error).message})`, error);
    }
    return this.object(value, "it");
  }

  object(value: unknown, where: string): RawObject {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return this.fail(where, `is ${kindOf(value)}, not an object`);
    }
    return value as RawObject;
  }

  array(value: unknown, where: string): readonly unknown[] {
    return Array.isArray(value) ? value : this.fail(where, `is ${kindOf(value)}, not a list`);
  }

  string(value: unknown, where: string): string {
    return typeof value === "string" ? value : this.fail(where, `is ${kindOf(value)}, not a string`);
  }

  /** A whole number from 0 up. */
  count(value: unknown, where: string): number {
    return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
      ? value
      : this.fail(where, `is ${JSON.stringify(value)}, not a whole number`);
  }

  strings(value: unknown, where: string): readonly string[] {
    return this.array(value, where).map((item, i) => this.string(item, `${where}[${i}]`));
  }

  /** Every entry of an object, checked by `check`. */
  entries<T>(
    value: unknown,
    where: string,
    check: (item: RawObject, where: string, name: string) => T,
  ): Record<string, T> {
    return Object.fromEntries(
      Object.entries(this.object(value, where)).map(([name, item]) => {
        const at = `${where}[${JSON.stringify(name)}]`;
        return [name, check(this.object(item, at), at, name)];
      }),
    );
  }
}

function kindOf(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : `a ${typeof value}`;
}
