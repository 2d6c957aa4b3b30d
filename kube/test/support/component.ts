import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One server of a control plane: a process with a log file, whose end always comes. */
export class Component {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #log: string;
  readonly #exited: Promise<void>;

  /** Starts `program`. Should this process be killed, the kernel ends the component too. */
  constructor(name: string, program: string, args: readonly string[], dir: string) {
    this.name = name;
    this.#log = join(dir, `${name}.log`);
    const log = openSync(this.#log, "a");
    try {
      this.#child = spawn(program, args, {
        cwd: dir,
        env: { ...process.env, END_WITH_PARENT: "1" },
        stdio: ["ignore", log, log],
      });
    } finally {
      closeSync(log);
    }
    this.#exited = new Promise((resolve) => {
      this.#child.once("exit", () => resolve());
      this.#child.once("error", () => resolve());
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get alive(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The end of what it logged. */
  tail(lines = 20): string {
    return readFileSync(this.#log, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
  }

  /** All that it logged. */
  log(): string {
    return readFileSync(this.#log, "utf8");
  }

  /** SIGTERM, then SIGKILL after `graceMs`; resolves when it is gone. */
  async stop(graceMs: number): Promise<void> {
    if (!this.alive) return;
    if (graceMs > 0) this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), graceMs);
    try {
      await this.#exited;
    } finally {
      clearTimeout(timer);
    }
  }
}
