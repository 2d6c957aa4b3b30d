/** The statement is wrong or not allowed. `position` is a byte offset in its text, where known. */
export class StatementError extends Error {
  override readonly name = "StatementError";
  readonly position: number | undefined;
  constructor(message: string, position?: number) {
    super(message);
    this.position = position !== undefined && position >= 0 ? position : undefined;
  }
}
