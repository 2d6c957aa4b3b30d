import type { Writable } from "node:stream";
import { type Logger as PinoLogger, pino } from "pino";
import { humanLine } from "./human-line.ts";
import type { LogLevels } from "./log-level.ts";
import { Redactor } from "./redact.ts";

/** What modules write to: `log.info({ dataset }, "Refresh finished")`. */
export type Logger = PinoLogger;

export interface LogOptions {
  readonly levels: LogLevels;
  /** Fields of every line, e.g. `{ node_id: "exec-0:50052" }`. */
  readonly base?: Readonly<Record<string, string>>;
  /** Standard error when absent: standard output belongs to results. */
  readonly destination?: Writable & { readonly isTTY?: boolean };
  /** Human-readable lines; by default when the destination is a terminal. */
  readonly human?: boolean;
}

/** The node's log: one line an event, with secrets redacted whoever writes it (spec chapter 10). */
export class Log {
  /** Tell it every secret value as soon as it is resolved. */
  readonly redactor = new Redactor();
  readonly #root: PinoLogger;
  readonly #levels: LogLevels;

  constructor(options: LogOptions) {
    this.#levels = options.levels;
    const destination = options.destination ?? process.stderr;
    const human = options.human ?? destination.isTTY === true;
    this.#root = pino(
      {
        // The root lets everything through; each module's logger has the level that counts.
        level: "trace",
        base: options.base ?? {},
        messageKey: "message",
        timestamp: () => `,"time":"${new Date().toISOString()}"`,
        formatters: {
          level: (label) => ({ level: label }),
          log: (record) => this.redactor.fields(record),
        },
      },
      {
        write: (line: string) => {
          const clean = this.redactor.text(line);
          destination.write(human ? humanLine(clean) : clean);
        },
      },
    );
  }

  /** The logger of one module (`query`, `refresh`, `http`, …), at the level that `SPICED_LOG` gives it. */
  module(name: string, fields: Readonly<Record<string, string>> = {}): Logger {
    return this.#root.child(
      { module: name, ...fields },
      { level: this.#levels.modules.get(name) ?? this.#levels.base },
    );
  }
}
