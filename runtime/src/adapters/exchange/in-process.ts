import type { Exchange, FragmentRequest, FragmentResult, FragmentRunner } from "../../ports/exchange.ts";
import { ExecutorUnavailableError } from "../../ports/exchange.ts";

/**
 * Runs fragments on runners of the same process: a node that is scheduler and executor at once, and tests. Executors
 * that are not here go to `others`, when given.
 */
export class InProcessExchange implements Exchange {
  readonly #runners: ReadonlyMap<string, FragmentRunner>;
  readonly #others: Exchange | undefined;

  constructor(runners: ReadonlyMap<string, FragmentRunner>, others?: Exchange) {
    this.#runners = runners;
    this.#others = others;
  }

  run(executor: string, request: FragmentRequest, signal: AbortSignal): FragmentResult {
    const runner = this.#runners.get(executor);
    if (runner !== undefined) return runner.run(request, signal);
    if (this.#others !== undefined) return this.#others.run(executor, request, signal);
    const error = new ExecutorUnavailableError(
      executor,
      `Executor ${executor} is not a member of the cluster`,
    );
    const stats = Promise.reject(error);
    stats.catch(() => undefined); // reported through `frames` too
    return { frames: failing(error), stats };
  }
}

// biome-ignore lint/correctness/useYield: it fails before there is anything to yield
async function* failing(error: Error): AsyncGenerator<Uint8Array, void> {
  throw error;
}
