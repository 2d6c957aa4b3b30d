import { JointAbort } from "../../adapters/system/joint-abort.ts";
import type { FragmentRun } from "../../core/query/plan/explain.ts";
import type { Exchange } from "../../ports/exchange.ts";
import type { FetchCounters } from "./fetch-fragments.ts";
import type { FragmentCall } from "./fragment-requests.ts";

/**
 * The frames of all calls as they come. One frame per executor is fetched ahead; beyond that a reader that does not
 * pull stops the executors. Leaving the loop early stops them too.
 */
export async function* mergeFrames(
  calls: readonly FragmentCall[],
  tools: { readonly exchange: Exchange; readonly counters: FetchCounters; readonly runs: FragmentRun[] },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  signal.throwIfAborted();
  const stop = new JointAbort();
  stop.follow(signal);
  let whole = false;
  const pending = new Map<number, Promise<{ index: number; result: IteratorResult<Uint8Array> }>>();
  const sources = calls.map((call) => {
    const result = tools.exchange.run(call.executor, call.request, stop.signal);
    result.stats.catch(() => undefined);
    return { call, result, iterator: result.frames[Symbol.asyncIterator]() };
  });
  const pull = (index: number) => {
    const next = sources[index]?.iterator.next();
    if (next === undefined) return;
    const tagged = next.then((result) => ({ index, result }));
    // Observed by the race below; until then a rejection must not count as unhandled.
    tagged.catch(() => undefined);
    pending.set(index, tagged);
  };
  try {
    sources.forEach((_, index) => {
      pull(index);
    });
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values());
      pending.delete(index);
      if (result.done === true) {
        const source = sources[index];
        if (source === undefined) continue;
        const stats = await source.result.stats;
        tools.counters.fetchedRows += stats.rows;
        tools.runs.push({ fragment: source.call.fragment.id, executor: source.call.executor, ...stats });
        continue;
      }
      tools.counters.fetchedBytes += result.value.byteLength;
      pull(index);
      yield result.value;
    }
    whole = true;
  } finally {
    if (whole) stop.letGo();
    else {
      stop.abort(new Error("the reader left"));
      await Promise.allSettled(sources.map(({ iterator }) => iterator.return?.()));
    }
  }
}
