import type { Readable, Writable } from "node:stream";

/** What a command reads and writes. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** The directory that relative paths and `.spice` are below. */
  readonly cwd: string;
  readonly home: string;
  /** Aborted by Ctrl-C where a command does not handle it itself. */
  readonly signal: AbortSignal;
}

export function print(io: Io, text: string): void {
  io.stdout.write(`${text}\n`);
}
