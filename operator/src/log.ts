/** Values of a log line beside its message. Never a private key, never the content of a Secret. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where the operator says what it does. */
export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** For tests and for commands that have nothing to say. */
export const silentLog: Log = { info: () => {}, warn: () => {}, error: () => {} };

/** JSON lines: `time`, `level`, `message`, then the fields. `write` gets each with its line break. */
export function jsonLog(write: (line: string) => void, wallMs: () => number): Log {
  const say =
    (level: string) =>
    (message: string, fields: LogFields = {}) => {
      const time = new Date(wallMs()).toISOString();
      write(`${JSON.stringify({ ...fields, time, level, message })}\n`);
    };
  return { info: say("info"), warn: say("warn"), error: say("error") };
}
