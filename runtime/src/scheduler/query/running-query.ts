import type { DuckDBDataChunk } from "@duckdb/node-api";
import type { DistributedPlan, PlannedFragment } from "../../core/query/plan/distributed-plan.ts";
import type { FragmentRun } from "../../core/query/plan/explain.ts";
import type { ChunkStream, Connection, Database } from "../../ports/database.ts";
import type { Exchange } from "../../ports/exchange.ts";
import type { Spool } from "../../ports/spool.ts";
import { type FetchCounters, fetchFragments } from "./fetch-fragments.ts";
import type { FragmentCall } from "./fragment-requests.ts";
import { mergeFrames } from "./merge-frames.ts";
import { rowsOfFiles, withRelations } from "./relation.ts";

export interface RunTools {
  readonly database: Database;
  readonly exchange: Exchange;
  readonly spool: Spool;
  readonly counters: FetchCounters;
  readonly runs: FragmentRun[];
  /** Called at the end of a query, also of one that failed or was left; in reverse order. */
  readonly cleanup: (() => unknown)[];
}

/**
 * Start a plan: fetch what its fragments give, and open the statement over it. Rejects for everything that happens
 * before the first row is there.
 *
 * @param wrap makes another statement of the final one, e.g. SUMMARIZE; the rows then do not pass through.
 */
export async function startPlan(
  plan: DistributedPlan,
  calls: readonly FragmentCall[],
  tools: RunTools,
  signal: AbortSignal,
  wrap?: (sql: string) => string,
): Promise<ChunkStream> {
  const connection = await tools.database.acquire();
  tools.cleanup.push(() => connection.release());
  const passed = plan.final.kind === "pass-through" ? plan.fragments[plan.final.fragment] : undefined;
  if (passed !== undefined && wrap === undefined)
    return passThrough(passed, calls, connection, tools, signal);
  const files = await fetchFragments(plan.fragments, calls, tools, signal);
  const relations = new Map(
    plan.fragments.map((fragment) => [
      fragment.relation,
      `(${rowsOfFiles(fragment, files.get(fragment.id) ?? [])})`,
    ]),
  );
  const sql =
    plan.final.kind === "statement"
      ? withRelations(plan.final.sql, relations)
      : `SELECT * FROM ${relations.get(passed?.relation ?? "") ?? ""}`;
  return connection.stream(wrap === undefined ? sql : wrap(sql), { signal });
}

/** The fragment's rows as they come, frame by frame. */
async function passThrough(
  fragment: PlannedFragment,
  calls: readonly FragmentCall[],
  connection: Connection,
  tools: RunTools,
  signal: AbortSignal,
): Promise<ChunkStream> {
  const frames = mergeFrames(calls, tools, signal);
  tools.cleanup.push(() => frames.return());
  const open = async (files: readonly string[]) =>
    connection.stream(rowsOfFiles(fragment, files), { signal });
  const first = await frames.next();
  if (first.done === true) return open([]);
  let path = await tools.spool.write(first.value);
  const stream = await open([path]);
  async function* chunks(): AsyncGenerator<DuckDBDataChunk, void, undefined> {
    yield* stream.chunks;
    await tools.spool.remove(path);
    for await (const frame of frames) {
      path = await tools.spool.write(frame);
      yield* (await open([path])).chunks;
      await tools.spool.remove(path);
    }
  }
  return { columns: stream.columns, chunks: chunks() };
}
