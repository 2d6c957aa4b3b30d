import { isInlineFrame } from "../../adapters/exchange/frames/inline-frame.ts";
import { JointAbort } from "../../adapters/system/joint-abort.ts";
import type { PlannedFragment } from "../../core/query/plan/distributed-plan.ts";
import type { FragmentRun } from "../../core/query/plan/explain.ts";
import type { Database } from "../../ports/database.ts";
import type { Exchange } from "../../ports/exchange.ts";
import type { Spool } from "../../ports/spool.ts";
import type { FragmentCall } from "./fragment-requests.ts";
import { keyCondition } from "./join-keys.ts";
import type { FragmentRows } from "./relation.ts";

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
 * Run fragments and keep all their frames; gives what came of each fragment by its id. A fragment that others reduce
 * starts when those are there. The first failure stops the others, and is thrown once all of them have ended.
 */
export async function fetchFragments(
  fragments: readonly PlannedFragment[],
  calls: readonly FragmentCall[],
  tools: FetchTools,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, FragmentRows>> {
  const stop = new JointAbort();
  stop.follow(signal);
  const rows = new Map<string, Promise<FragmentRows>>();
  const fetch = async (fragment: PlannedFragment): Promise<FragmentRows> => {
    try {
      const conditions = await Promise.all(
        (fragment.reducedBy ?? []).map(async (reduction) => {
          const source = fragments.find(({ id }) => id === reduction.fragment);
          const found = await rows.get(reduction.fragment);
          if (source === undefined || found === undefined) return "true";
          return keyCondition(reduction, source, found.files, tools.database, stop.signal);
        }),
      );
      const own = calls.filter((call) => call.fragment === fragment);
      const parts = await Promise.all(
        own.map((call) => fetchOne(reduced(call, conditions), tools, stop.signal)),
      );
      return { files: parts.flatMap((p) => p.files), inline: parts.flatMap((p) => p.inline) };
    } catch (error) {
      // The first failure is the reason for the others.
      stop.abort(error);
      throw error;
    }
  };
  // Sources come before what they reduce.
  for (const fragment of fragments) rows.set(fragment.id, fetch(fragment));
  await Promise.allSettled(rows.values());
  stop.letGo();
  signal.throwIfAborted();
  stop.signal.throwIfAborted();
  const done = new Map<string, FragmentRows>();
  for (const [id, found] of rows) done.set(id, await found);
  return done;
}

function reduced(call: FragmentCall, conditions: readonly string[]): FragmentCall {
  const tests = conditions.filter((condition) => condition !== "true");
  if (tests.length === 0) return call;
  const sql = `SELECT * FROM (${call.request.sql}) AS r WHERE ${tests.join(" AND ")}`;
  return { ...call, request: { ...call.request, sql } };
}

async function fetchOne(call: FragmentCall, tools: FetchTools, signal: AbortSignal): Promise<FragmentRows> {
  signal.throwIfAborted();
  const result = tools.exchange.run(call.executor, call.request, signal);
  // Rejects as `frames` does, which is where the error is handled.
  result.stats.catch(() => undefined);
  const files: string[] = [];
  const inline: Uint8Array[] = [];
  for await (const frame of result.frames) {
    signal.throwIfAborted();
    tools.counters.fetchedBytes += frame.byteLength;
    if (isInlineFrame(frame)) inline.push(frame);
    else files.push(await tools.spool.write(frame));
  }
  const stats = await result.stats;
  tools.counters.fetchedRows += stats.rows;
  tools.runs.push({ fragment: call.fragment.id, executor: call.executor, ...stats });
  return { files, inline };
}
