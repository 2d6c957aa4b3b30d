import type { ServerResponse } from "node:http";
import type { ReadinessFacts } from "../../ports/node-info.ts";
import { type ApiRequest, sendText } from "./context.ts";
import { HttpError } from "./http-error.ts";

/** What a probe asks of `/v1/ready`. */
export interface ReadyQuestion {
  /** `node`: can this node itself work; `cluster`: is its data loaded as well. */
  readonly scope: "node" | "cluster";
  /** 0 is no gate. */
  readonly minReadyExecutors: number;
  readonly minReadyExecutorsPercent: number;
  readonly verbose: boolean;
}

/** `GET /health`: the process is alive. */
export async function getHealth(_request: ApiRequest, response: ServerResponse): Promise<void> {
  sendText(response, 200, "ok\n");
}

/** `GET /v1/ready` (spec chapter 04, Readiness): 200 `ready` or 503 `not ready`. */
export async function getReady(request: ApiRequest, response: ServerResponse): Promise<void> {
  const question = readQuestion(request.url.searchParams);
  const { ready, text } = answerReady(question, await request.services.node.readiness());
  sendText(response, ready ? 200 : 503, text);
}

/** The verdict and the body of the answer. Throws 400 for a gate on a node that has no registry of executors. */
export function answerReady(
  question: ReadyQuestion,
  facts: ReadinessFacts,
): { ready: boolean; text: string } {
  const node = facts.accepting && facts.nodeReady;
  const lines = [mark(node, "node", facts.accepting ? "" : "shutting down")];
  let ready = node;
  if (question.scope === "cluster") {
    for (const { name, state, detail } of facts.components) {
      if (state === "not-ready") ready = false;
      lines.push(state === "disabled" ? `[ ] ${name} disabled` : mark(state === "ready", name, detail));
    }
  }
  if (question.minReadyExecutors > 0 || question.minReadyExecutorsPercent > 0) {
    const gate = executorGate(question, facts);
    ready &&= gate.open;
    lines.push(gate.line);
  } else if (facts.executors !== undefined) {
    const count = facts.executors.filter((executor) => executor.ready).length;
    lines.push(`[ ] executors ${count} of ${facts.executors.length} ready`);
  }
  const verdict = ready ? "ready" : "not ready";
  return { ready, text: question.verbose ? `${lines.join("\n")}\n${verdict}\n` : verdict };
}

function executorGate(question: ReadyQuestion, { executors }: ReadinessFacts) {
  if (executors === undefined) {
    throw new HttpError(
      400,
      "executor gates (min_ready_executors, min_ready_executors_percent) require scheduler role; this runtime has no executor registry",
    );
  }
  const ready = executors.filter((executor) => executor.ready).length;
  // A share of nothing is never reached.
  const percentOpen =
    question.minReadyExecutorsPercent === 0 ||
    (executors.length > 0 && ready * 100 >= question.minReadyExecutorsPercent * executors.length);
  const open = ready >= question.minReadyExecutors && percentOpen;
  return { open, line: mark(open, "executors", `${ready} of ${executors.length} ready`) };
}

function mark(good: boolean, name: string, detail: string): string {
  return `[${good ? "+" : "-"}] ${name}${detail === "" ? (good ? " ok" : " not ready") : ` ${detail}`}`;
}

function readQuestion(query: URLSearchParams): ReadyQuestion {
  const scope = query.get("scope") ?? "cluster";
  if (scope !== "node" && scope !== "cluster") throw new HttpError(400, "scope must be node or cluster");
  const percent = integer(query, "min_ready_executors_percent", 0xff);
  if (percent > 100) throw new HttpError(400, "min_ready_executors_percent must be between 0 and 100");
  return {
    scope,
    minReadyExecutors: integer(query, "min_ready_executors", 0xffff_ffff),
    minReadyExecutorsPercent: percent,
    verbose: boolean(query, "verbose"),
  };
}

function integer(query: URLSearchParams, name: string, max: number): number {
  const text = query.get(name);
  if (text === null) return 0;
  if (!/^\d{1,10}$/.test(text) || Number(text) > max) {
    throw new HttpError(
      400,
      name === "min_ready_executors_percent"
        ? "min_ready_executors_percent must be between 0 and 100"
        : `${name} must be a whole number from 0 on`,
    );
  }
  return Number(text);
}

function boolean(query: URLSearchParams, name: string): boolean {
  const text = query.get(name);
  if (text === null || text === "false" || text === "0") return false;
  if (text === "" || text === "true" || text === "1") return true;
  throw new HttpError(400, `${name} must be true or false`);
}
