/** A part of a statement or plan that has no form in SQL that this program knows. */
export class UnprintableError extends Error {
  override readonly name = "UnprintableError";
  constructor(what: string) {
    super(`cannot be written as SQL: ${what}`);
  }
}
