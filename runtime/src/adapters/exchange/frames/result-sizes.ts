import { Recent } from "../../../core/recent.ts";

/** What has to see all rows before it gives the first: when its result turns out large, its work is lost. */
const blocking = /\b(?:order|group|distinct|over|union|except|intersect|qualify)\b/i;
const literals = /'(?:[^']|'')*'|\b\d[\w.]*/g;

/** Remembers by the shape of a statement, its text without literals, whether its results are small. */
export class ResultSizes {
  readonly #sizes = new Recent<string, "small" | "large">(500);

  /** True when it is worth a try to read the result as few rows. */
  expectSmall(sql: string): boolean {
    const known = this.#sizes.get(shape(sql));
    return known === undefined ? !blocking.test(sql) : known === "small";
  }

  /** A whole result was small. */
  wasSmall(sql: string): void {
    // A shape that has disappointed is not tried again: its work would be done twice.
    if (this.#sizes.get(shape(sql)) !== "large") this.#sizes.set(shape(sql), "small");
  }

  /** A result that was expected to be small was not. */
  wasLarge(sql: string): void {
    this.#sizes.set(shape(sql), "large");
  }
}

function shape(sql: string): string {
  return sql.replaceAll(literals, "?");
}
