import { setTimeout as delay } from "node:timers/promises";
import { median } from "../figure.ts";
import { type MovesData, question } from "./data.ts";

interface Asked {
  readonly startMs: number;
  readonly endMs: number;
  readonly outcome: "right" | "wrong" | "failed";
}

/** What clients saw between two marks. */
export interface Seen {
  readonly right: number;
  readonly wrong: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly maxMs: number;
  /** Answers that took longer than this many milliseconds. */
  slow(limitMs: number): number;
}

const pauseMs = 20;

/**
 * A client that asks the one question again and again and compares the answer. It takes the schedulers in turn; with
 * `retry` an attempt that fails is made once more at the next one.
 */
export class Asking {
  readonly #asked: Asked[] = [];
  readonly #errors = new Map<string, number>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(data: MovesData, urls: readonly string[], retry = false) {
    this.#running = this.#run(data, urls, retry);
  }

  /** What happened from `sinceMs` (`performance.now()`) on. */
  seen(sinceMs = 0): Seen {
    const since = this.#asked.filter(({ startMs }) => startMs >= sinceMs);
    const count = (outcome: Asked["outcome"]) => since.filter((a) => a.outcome === outcome).length;
    const right = since.filter((a) => a.outcome === "right").map((a) => a.endMs - a.startMs);
    return {
      right: right.length,
      wrong: count("wrong"),
      failed: count("failed"),
      p50Ms: right.length === 0 ? 0 : median(right),
      maxMs: Math.max(0, ...right),
      slow: (limitMs) => right.filter((ms) => ms > limitMs).length,
    };
  }

  /** When the first right answer came after the last failure since then; undefined when none came. */
  rightAgainAtMs(sinceMs: number): number | undefined {
    const since = this.#asked.filter(({ endMs }) => endMs >= sinceMs);
    const bad = since.findLastIndex(({ outcome }) => outcome !== "right");
    return since.slice(bad + 1).find(({ startMs }) => startMs >= sinceMs)?.endMs;
  }

  /** Resolves when `count` right answers have come in a row, all asked from now on. */
  async rights(count: number, timeoutMs = 120_000): Promise<void> {
    const from = this.#asked.length;
    const until = performance.now() + timeoutMs;
    const enough = () => {
      const last = this.#asked.slice(Math.max(from, this.#asked.length - count));
      return last.length === count && last.every(({ outcome }) => outcome === "right");
    };
    while (!enough()) {
      if (performance.now() > until) throw new Error(`no right answers: ${this.takeErrors()}`);
      await delay(pauseMs);
    }
  }

  /** The texts of failures since the last call, the most frequent ones first. */
  takeErrors(): string {
    const texts = [...this.#errors].sort((a, b) => b[1] - a[1]);
    this.#errors.clear();
    return texts.map(([text, n]) => `${n} × ${text}`).join("; ");
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(data: MovesData, urls: readonly string[], retry: boolean): Promise<void> {
    for (let turn = 0; !this.#stop.signal.aborted; turn += 1) {
      const startMs = performance.now();
      let outcome = await this.#ask(data, urls[turn % urls.length]!);
      if (outcome === "failed" && retry) outcome = await this.#ask(data, urls[(turn + 1) % urls.length]!);
      this.#asked.push({ startMs, endMs: performance.now(), outcome });
      await delay(pauseMs);
    }
  }

  async #ask(data: MovesData, url: string): Promise<Asked["outcome"]> {
    try {
      const response = await fetch(`${url}/v1/sql`, { method: "POST", body: question });
      const text = await response.text();
      if (response.status !== 200) {
        this.#failed(`HTTP ${response.status}: ${text}`);
        return "failed";
      }
      return JSON.stringify(JSON.parse(text)) === data.answer ? "right" : "wrong";
    } catch (error) {
      this.#failed(String((error as Error).cause ?? error));
      return "failed";
    }
  }

  #failed(text: string): void {
    const kind = text.slice(0, 300).replaceAll(/\d+/g, "N");
    this.#errors.set(kind, (this.#errors.get(kind) ?? 0) + 1);
  }
}
