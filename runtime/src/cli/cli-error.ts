/** A command failed: the message is for the user, without a stack. */
export class CliError extends Error {
  override readonly name = "CliError";
  /** 1 failed, 2 wrong usage. */
  readonly exitCode: 1 | 2;
  constructor(message: string, options: { exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}
