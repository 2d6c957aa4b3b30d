import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

export type LogLine = Record<string, unknown> & { message?: string; level?: number | string };

/** A program under test: its log lines, a way to wait for one, and an end that always comes. */
export class TestProcess {
  readonly name: string;
  readonly child: ChildProcess;
  readonly lines: LogLine[] = [];
  readonly raw: string[] = [];
  readonly exited: Promise<number | NodeJS.Signals>;
  #hasExited = false;
  readonly #watchers = new Set<(line: LogLine) => void>();

  constructor(
    name: string,
    command: string,
    args: readonly string[],
    options: { cwd: string; env?: Record<string, string | undefined> },
  ) {
    this.name = name;
    this.child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.exited = new Promise((resolve, reject) => {
      this.child.once("error", reject);
      this.child.once("exit", (code, signal) => {
        this.#hasExited = true;
        resolve(code ?? signal ?? 0);
      });
    });
    this.exited.catch(() => undefined);
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      createInterface({ input: stream }).on("line", (text) => this.#take(text));
    }
  }

  get alive(): boolean {
    return !this.#hasExited;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Resident memory in bytes, from the kernel. */
  residentBytes(): Promise<number> {
    return this.#memory("VmRSS");
  }

  /** The most that it ever was. */
  peakResidentBytes(): Promise<number> {
    return this.#memory("VmHWM");
  }

  /** The first line, past or future, that satisfies `wanted`; rejects when the process ends or time runs out. */
  async line(wanted: (line: LogLine) => boolean, timeoutMs = 60_000): Promise<LogLine> {
    const past = this.lines.find(wanted);
    if (past !== undefined) return past;
    let watcher: ((line: LogLine) => void) | undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<LogLine>((resolve, reject) => {
        watcher = (line) => wanted(line) && resolve(line);
        this.#watchers.add(watcher);
        const give = (why: string) => reject(new Error(`${this.name} ${why}:\n${this.tail()}`));
        timer = setTimeout(() => give(`did not log what was awaited within ${timeoutMs} ms`), timeoutMs);
        this.exited.then(
          (code) => setTimeout(() => give(`ended with ${code}`), 100),
          (error: unknown) => give(String(error)),
        );
      });
    } finally {
      clearTimeout(timer);
      if (watcher !== undefined) this.#watchers.delete(watcher);
    }
  }

  tail(lines = 30): string {
    return this.raw.slice(-lines).join("\n");
  }

  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    if (!this.#hasExited) this.child.kill(signal);
  }

  /** SIGTERM, then SIGKILL after `graceMs`; resolves when the process is gone. */
  async stop(graceMs = 10_000): Promise<number | NodeJS.Signals> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.kill("SIGTERM");
      const timer = setTimeout(() => this.kill("SIGKILL"), graceMs);
      try {
        return await this.exited;
      } finally {
        clearTimeout(timer);
      }
    }
    return this.exited;
  }

  async #memory(field: "VmRSS" | "VmHWM"): Promise<number> {
    const text = await readFile(`/proc/${this.pid}/status`, "utf8");
    const match = new RegExp(`${field}:\\s+(\\d+) kB`).exec(text);
    if (match === null) throw new Error(`${this.name} has no ${field}`);
    return Number(match[1]) * 1024;
  }

  #take(text: string): void {
    this.raw.push(text);
    let line: LogLine = { message: text };
    if (text.startsWith("{")) {
      try {
        line = JSON.parse(text) as LogLine;
      } catch {
        // A line that only looks like JSON is kept as text.
      }
    }
    this.lines.push(line);
    for (const watcher of [...this.#watchers]) watcher(line);
  }
}
