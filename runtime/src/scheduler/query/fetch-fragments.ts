import type { PlannedFragment } from "../../core/query/plan/distributed-plan.ts";
import type { FragmentRun } from "../../core/query/plan/explain.ts";
import type { Database } from "../../ports/database.ts";
import type { Exchange } from "../../ports/exchange.ts";
import type { Spool } from "../../ports/spool.ts";
import type { FragmentCall } from "./fragment-requests.ts";
import { keyCondition } from "./join-keys.ts";

/** Where fetched frames are counted. */
export interface FetchCounters {
  fetchedBytes: number;
  fetchedRows: number;
}

export interface FetchTools {
  readonly exchange: Exchange;
  /** Finds the keys of fragments that reduce others. */
  readonly database: Database;
  readonly spool: Spool;
  readonly counters: FetchCounters;
  readonly runs: FragmentRun[];
}

/**
 * Run fragments and keep all their frames; gives the files of each fragment by its id. A fragment that others reduce
 * starts when those are there. The first failure stops the others, and is thrown once all of them have ended.
 */
export async function fetchFragments(
  fragments: readonly PlannedFragment[],
  calls: readonly FragmentCall[],
  tools: FetchTools,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const files = new Map<string, Promise<readonly string[]>>();
  const fetch = async (fragment: PlannedFragment): Promise<readonly string[]> => {
    try {
      const conditions = await Promise.all(
        (fragment.reducedBy ?? []).map(async (reduction) => {
          const source = fragments.find(({ id }) => id === reduction.fragment);
          const found = await files.get(reduction.fragment);
          if (source === undefined || found === undefined) return "true";
          return keyCondition(reduction, source, found, tools.database, either);
        }),
      );
      const own = calls.filter((call) => call.fragment === fragment);
      const parts = await Promise.all(own.map((call) => fetchOne(reduced(call, conditions), tools, either)));
      return parts.flat();
    } catch (error) {
      // The first failure is the reason for the others.
      stop.abort(error);
      throw error;
    }
  };
  // Sources come before what they reduce.
  for (const fragment of fragments) files.set(fragment.id, fetch(fragment));
  await Promise.allSettled(files.values());
  signal.throwIfAborted();
  stop.signal.throwIfAborted();
  const done = new Map<string, readonly string[]>();
  for (const [id, found] of files) done.set(id, await found);
  return done;
}

function reduced(call: FragmentCall, conditions: readonly string[]): FragmentCall {
  const tests = conditions.filter((condition) => condition !== "true");
  if (tests.length === 0) return call;
  const sql = `SELECT * FROM (${call.request.sql}) AS r WHERE ${tests.join(" AND ")}`;
  return { ...call, request: { ...call.request, sql } };
}

async function fetchOne(
  call: FragmentCall,
  tools: FetchTools,
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
