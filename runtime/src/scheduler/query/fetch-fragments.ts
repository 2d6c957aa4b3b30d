import type { FragmentRun } from "../../core/query/plan/explain.ts";
import type { Exchange } from "../../ports/exchange.ts";
import type { Spool } from "../../ports/spool.ts";
import type { FragmentCall } from "./fragment-requests.ts";

/** Where fetched frames are counted. */
export interface FetchCounters {
  fetchedBytes: number;
  fetchedRows: number;
}

/**
 * Run fragments and keep all their frames; gives the files of each fragment by its id. The first failure stops the
 * others, and is thrown once all of them have ended.
 */
export async function fetchFragments(
  calls: readonly FragmentCall[],
  tools: {
    readonly exchange: Exchange;
    readonly spool: Spool;
    readonly counters: FetchCounters;
    readonly runs: FragmentRun[];
  },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const files = new Map<string, string[]>();
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let failure: { readonly error: unknown } | undefined;
  await Promise.all(
    calls.map(async (call) => {
      try {
        const paths = await fetchOne(call, tools, either);
        files.set(call.fragment.id, [...(files.get(call.fragment.id) ?? []), ...paths]);
      } catch (error) {
        failure ??= { error };
        stop.abort(error);
      }
    }),
  );
  if (failure !== undefined) {
    signal.throwIfAborted();
    throw failure.error;
  }
  return files;
}

async function fetchOne(
  call: FragmentCall,
  tools: Parameters<typeof fetchFragments>[1],
  signal: AbortSignal,
): Promise<readonly string[]> {
  signal.throwIfAborted();
  const result = tools.exchange.run(call.executor, call.request, signal);
  // Rejects as `frames` does, which is where the error is handled.
  result.stats.catch(() => undefined);
  const paths: string[] = [];
  for await (const frame of result.frames) {
    signal.throwIfAborted();
    tools.counters.fetchedBytes += frame.byteLength;
    paths.push(await tools.spool.write(frame));
  }
  const stats = await result.stats;
  tools.counters.fetchedRows += stats.rows;
  tools.runs.push({ fragment: call.fragment.id, executor: call.executor, ...stats });
  return paths;
}
