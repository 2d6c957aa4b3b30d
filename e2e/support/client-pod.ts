import { eventually } from "../../kube/test/support/wait.ts";
import type { Kubectl } from "./kubectl.ts";
import { restrictedPod } from "./restricted-pod.ts";
import { storyQuery } from "./story-data.ts";

/** What a client asks again and again, and what is right. */
export interface Question {
  readonly sql: string;
  /** Rows as arrays of texts, as JSON. */
  readonly truth: string;
}

/** Answers so far, of queries that a pod sends through a service; each question by itself, one query after another. */
export interface Counts {
  readonly right: number;
  readonly wrong: number;
  readonly failed: number;
  /** Right, but after more than two seconds. */
  readonly slow: number;
  /** What the last one that was not right said. */
  readonly last: string;
}

const image = "ghcr.io/spiceai/spiced:0.1.0";
const name = "client";
const none: Counts = { right: 0, wrong: 0, failed: 0, slow: 0, last: "" };

/** The program of the pod. It knows nothing of the cluster but the service's name. */
const program = `
const { URL_OF_SQL, QUESTIONS } = process.env;
const counts = { right: 0, wrong: 0, failed: 0, slow: 0, last: "" };
const ask = async ({ sql, truth }) => {
  const began = performance.now();
  let text;
  try {
    const answer = await fetch(URL_OF_SQL, { method: "POST", body: sql, signal: AbortSignal.timeout(20000) });
    text = await answer.text();
    if (!answer.ok) throw new Error(answer.status + " " + text);
    text = JSON.stringify(JSON.parse(text).map((row) => Object.values(row).map(String)));
  } catch (error) {
    counts.failed += 1;
    const tookMs = Math.round(performance.now() - began);
    counts.last = new Date().toISOString() + " after " + tookMs + " ms: " + error + " " + (error.cause ?? "");
    return;
  }
  if (text !== truth) {
    counts.wrong += 1;
    counts.last = text;
  } else {
    counts.right += 1;
    if (performance.now() - began > 2000) counts.slow += 1;
  }
};
setInterval(() => console.log(JSON.stringify(counts)), 500);
process.on("SIGTERM", () => process.exit(0));
for (const question of JSON.parse(QUESTIONS)) {
  void (async () => {
    for (;;) {
      await ask(question);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
}
`;

/** A pod that queries all the time, from when the cluster is healthy to the end of a story. */
export class ClientPod {
  readonly #kubectl: Kubectl;
  #before = none;

  private constructor(kubectl: Kubectl) {
    this.#kubectl = kubectl;
  }

  /** Without `questions`, {@link storyQuery}. */
  static async start(
    kubectl: Kubectl,
    service: string,
    questions: readonly Question[] = [{ sql: storyQuery, truth: process.env["STORY_TRUTH"] ?? "" }],
  ): Promise<ClientPod> {
    const env = { URL_OF_SQL: `http://${service}:8090/v1/sql`, QUESTIONS: JSON.stringify(questions) };
    const more = { command: ["/usr/local/bin/node", "--input-type=module", "--eval", program] };
    await kubectl.apply(
      restrictedPod({ name, image, env, more, security: { readOnlyRootFilesystem: true } }),
    );
    await kubectl.run("wait", "--for=condition=Ready", `pod/${name}`, "--timeout=90s");
    return new ClientPod(kubectl);
  }

  /** What was answered since the last call, with at least `answers` of it after this one. */
  async phase(answers = 3): Promise<Counts> {
    const all = ({ right, wrong, failed }: Counts) => right + wrong + failed;
    const from = all(await this.#total());
    const now = await eventually(
      `${answers} more answers`,
      async () => {
        const counts = await this.#total();
        return all(counts) >= from + answers && counts;
      },
      { timeoutMs: 90_000, everyMs: 500 },
    );
    const before = this.#before;
    this.#before = now;
    return {
      right: now.right - before.right,
      wrong: now.wrong - before.wrong,
      failed: now.failed - before.failed,
      slow: now.slow - before.slow,
      last: now.last === before.last ? "" : now.last,
    };
  }

  /**
   * The first {@link phase} in which no query failed; also one with a wrong answer, which nothing excuses. How soon the last
   * partition is back depends on how busy the machine is.
   */
  async recovered(answers: number): Promise<Counts> {
    return eventually(
      "answers without a failure among them",
      async () => {
        const counts = await this.phase(answers);
        return (counts.failed === 0 || counts.wrong > 0) && counts;
      },
      { timeoutMs: 120_000 },
    );
  }

  /** Asks once, from the pod, at any address that it can reach; the answer's status and rows. */
  async askAt(url: string, sql: string): Promise<{ readonly status: number; readonly rows: string }> {
    const once = `fetch(${JSON.stringify(url)}, { method: "POST", body: ${JSON.stringify(sql)} }).then(async (answer) =>
      console.log(JSON.stringify([answer.status, await answer.text()])))`;
    const said = await this.#kubectl.run("exec", name, "--", "/usr/local/bin/node", "-e", once);
    const [status, text] = JSON.parse(said) as [number, string];
    if (status !== 200) return { status, rows: text };
    const rows = (JSON.parse(text) as Record<string, unknown>[]).map((row) => Object.values(row).map(String));
    return { status, rows: JSON.stringify(rows) };
  }

  async #total(): Promise<Counts> {
    const line = await this.#kubectl.run("logs", name, "--tail=1");
    return line.trim() === "" ? this.#before : (JSON.parse(line) as Counts);
  }
}
