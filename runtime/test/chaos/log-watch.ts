import type { TestProcess } from "../support/process.ts";

/** Lines that no process may write in any script, besides those of level `error`. */
const alarming =
  /unhandled|uncaught|FATAL ERROR|heap out of memory|Segmentation|spiced stops|spiced cannot start/i;

/** Reads on in the logs of processes, and gives the lines that should not be there. */
export class LogWatch {
  readonly #read = new Map<TestProcess, number>();

  watch(process: TestProcess): void {
    this.#read.set(process, 0);
  }

  /** Error-level and alarming lines since the last call, but for those that `expected` allows. */
  take(expected: readonly RegExp[]): readonly string[] {
    const found: string[] = [];
    for (const [process, from] of this.#read) {
      const lines = process.lines.slice(from);
      this.#read.set(process, from + lines.length);
      for (const line of lines) {
        const message = line.message ?? "";
        const bad =
          line.level === "error" ||
          line.level === "fatal" ||
          (line.level === undefined && alarming.test(message));
        const text = bad ? JSON.stringify(line) : "";
        if (bad && !expected.some((e) => e.test(text))) found.push(`${process.name}: ${text}`);
      }
    }
    return found;
  }
}
