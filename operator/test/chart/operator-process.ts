import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { repository } from "./support.ts";

/** One line of the operator's log. */
export type LogLine = Readonly<Record<string, string | number>>;

/** `spiceai-operator run` as a process. */
export class OperatorProcess {
  readonly lines: LogLine[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #rest = "";

  constructor(args: readonly string[]) {
    const program = join(repository, "operator", "bin", "spiceai-operator.mjs");
    this.#child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    this.#ended = once(this.#child, "exit").then(([code]) => code as number | null);
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      const parts = (this.#rest + text).split("\n");
      this.#rest = parts.pop() ?? "";
      this.lines.push(...parts.map((part) => JSON.parse(part) as LogLine));
    });
  }

  /** The first line with this message. */
  said(message: string): LogLine | undefined {
    return this.lines.find((line) => line["message"] === message);
  }

  /** Sends SIGTERM. @returns the exit code; null when it had to be killed after ten seconds */
  async stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    try {
      return await this.#ended;
    } finally {
      clearTimeout(timer);
    }
  }
}
