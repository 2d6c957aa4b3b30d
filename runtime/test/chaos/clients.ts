import { setTimeout as delay } from "node:timers/promises";
import type { Draw } from "../support/draw.ts";
import type { ChangingSource } from "./changing-source.ts";
import type { Journal } from "./invariants.ts";
import { type Question, questionsOver, type Row, type Verdict } from "./questions.ts";

/** Where clients send their statements; `excuse` says why the endpoint need not answer now, if it need not. */
export interface Endpoint {
  readonly name: string;
  readonly url: () => string | undefined;
  readonly excuse: () => string | undefined;
}

/** What happened to the queries since the last look. */
export interface ClientCounts {
  exact: number;
  wrong: number;
  /** Documented errors, by text without what varies. */
  readonly errors: Map<string, number>;
  /** Sent again to another endpoint, because the connection broke or nobody answered. */
  retried: number;
  slowestMs: number;
  stalestMs: number;
}

/** An answer never shows a generation that was replaced longer ago than this. */
export const staleLimitMs = 30_000;
/** A query ends within this time, with rows or with an error. */
const answerLimitMs = 30_000;

const fresh = (): ClientCounts => ({
  exact: 0,
  wrong: 0,
  errors: new Map(),
  retried: 0,
  slowestMs: 0,
  stalestMs: 0,
});

/**
 * Clients that put questions with known answers to any scheduler, all the time. A query whose connection breaks is put
 * to another endpoint, as clients behind a Service do; an error with a status is an answer and is counted.
 */
export class Clients {
  readonly #source: ChangingSource;
  readonly #endpoints: readonly Endpoint[];
  readonly #journal: Journal;
  readonly #questions: readonly Question[];
  readonly #draw: Draw;
  #counts = fresh();

  constructor(source: ChangingSource, endpoints: readonly Endpoint[], journal: Journal, draw: Draw) {
    this.#source = source;
    this.#endpoints = endpoints;
    this.#journal = journal;
    this.#questions = questionsOver(source.tables);
    this.#draw = draw;
  }

  /** Counts since the last call. */
  take(): ClientCounts {
    const counts = this.#counts;
    this.#counts = fresh();
    return counts;
  }

  /** Ask with `count` clients until the signal aborts. */
  async run(count: number, signal: AbortSignal): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#client(signal)));
  }

  async #client(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const question = this.#questions[this.#draw.below(this.#questions.length)]!;
      await this.#ask(question, signal);
      await delay(40, undefined, { signal }).catch(() => undefined);
    }
  }

  async #ask(question: Question, signal: AbortSignal): Promise<void> {
    const first = this.#draw.below(this.#endpoints.length);
    for (let attempt = 0; attempt < this.#endpoints.length && !signal.aborted; attempt += 1) {
      const endpoint = this.#endpoints[(first + attempt) % this.#endpoints.length]!;
      if (endpoint.url() === undefined) continue;
      if (await this.#attempt(question, endpoint, signal)) return;
      this.#counts.retried += 1;
    }
    if (!signal.aborted) this.#failed("no endpoint answered");
  }

  /** One endpoint's turn; false when another one should be asked. */
  async #attempt(question: Question, endpoint: Endpoint, signal: AbortSignal): Promise<boolean> {
    const startedMs = performance.now();
    // Where a query begins matters for what it may see; whether its node was hurt, at both ends.
    const excusedAtStart = endpoint.excuse();
    const url = endpoint.url();
    if (url === undefined) return false;
    // A node that need not answer would hold a client for the whole limit.
    const limitMs = excusedAtStart === undefined ? answerLimitMs : 3_000;
    let status: number;
    let text: string;
    try {
      const limit = AbortSignal.timeout(limitMs);
      const response = await fetch(`${url}/v1/sql`, {
        method: "POST",
        body: question.sql,
        signal: AbortSignal.any([signal, limit]),
      });
      status = response.status;
      text = await response.text();
    } catch (error) {
      if (signal.aborted) return true;
      const excuse = excusedAtStart ?? endpoint.excuse();
      if (excuse === undefined) {
        const took = Math.round(performance.now() - startedMs);
        const why = `${endpoint.name} after ${took} ms: ${causeOf(error)} (${question.sql})`;
        this.#journal.violation("unanswered-query", why);
      }
      return false;
    }
    this.#counts.slowestMs = Math.max(this.#counts.slowestMs, performance.now() - startedMs);
    if (status === 200) this.#judge(question, text, endpoint.name, startedMs);
    else if (status === 503) this.#failed(text);
    else
      this.#journal.violation(
        "undocumented-failure",
        `${endpoint.name}: HTTP ${status} ${text} (${question.sql})`,
      );
    return true;
  }

  #failed(text: string): void {
    const kind = text
      .replaceAll(/\b[\w.]+:\d+\b/g, "NODE")
      .replaceAll(/\d+/g, "N")
      .slice(0, 160);
    this.#counts.errors.set(kind, (this.#counts.errors.get(kind) ?? 0) + 1);
  }

  #judge(question: Question, text: string, from: string, startedMs: number): void {
    const verdict = verdictOn(question, text);
    if (verdict.kind === "wrong") {
      this.#counts.wrong += 1;
      this.#journal.violation("wrong-answer", `${from}: ${verdict.why} (${question.sql})`);
      return;
    }
    this.#counts.exact += 1;
    const [oldest, newest] = [this.#source.oldest(startedMs, staleLimitMs), this.#source.newest];
    for (const [partition, generation] of verdict.seen) {
      this.#counts.stalestMs = Math.max(this.#counts.stalestMs, this.#source.ageMs(generation, startedMs));
      if (generation >= oldest && generation <= newest) continue;
      const why = `${from}: ${partition} of generation ${generation}, not ${oldest} to ${newest}`;
      this.#journal.violation("stale-answer", why);
    }
  }
}

/** An answer that is no JSON is a wrong one: its status said that it is whole. */
function verdictOn(question: Question, text: string): Verdict {
  let rows: readonly Row[];
  try {
    rows = JSON.parse(text) as Row[];
  } catch (error) {
    return { kind: "wrong", why: `${String((error as Error).message)} in ${text.length} characters` };
  }
  return question.check(rows);
}

function causeOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause === undefined ? message : `${message}: ${String((cause as Error).message ?? cause)}`;
}
