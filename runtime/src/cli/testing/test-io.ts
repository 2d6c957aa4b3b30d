import { PassThrough, Readable } from "node:stream";
import type { Io } from "../io.ts";

/** An {@link Io} that collects what is printed. */
export class TestIo implements Io {
  readonly stdin: Readable;
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly cwd: string;
  readonly home: string;
  readonly signal: AbortSignal;
  #out = "";
  #err = "";

  constructor(cwd: string, options: { input?: string; signal?: AbortSignal } = {}) {
    this.cwd = cwd;
    this.home = cwd;
    this.stdin = Readable.from(options.input === undefined ? [] : [options.input]);
    this.signal = options.signal ?? new AbortController().signal;
    this.stdout.on("data", (part: Buffer) => {
      this.#out += part.toString("utf8");
    });
    this.stderr.on("data", (part: Buffer) => {
      this.#err += part.toString("utf8");
    });
  }

  get out(): string {
    return this.#out;
  }

  get err(): string {
    return this.#err;
  }
}
