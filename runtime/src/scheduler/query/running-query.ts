import type { DuckDBDataChunk } from "@duckdb/node-api";
import { isBatchMessage } from "../../adapters/arrow/batch-encoder.ts";
import { isInlineFrame, readInlineFrame } from "../../adapters/exchange/frames/inline-frame.ts";
import { inlineTypes } from "../../adapters/exchange/frames/inline-type.ts";
import { batchTypes } from "../../adapters/exchange/frames/record-batches.ts";
import type { DistributedPlan, PlannedFragment } from "../../core/query/plan/distributed-plan.ts";
import type { FragmentRun } from "../../core/query/plan/explain.ts";
import type { ChunkStream, Connection, Database, ListParameter } from "../../ports/database.ts";
import type { Exchange } from "../../ports/exchange.ts";
import type { RowStream } from "../../ports/query-service.ts";
import type { Spool } from "../../ports/spool.ts";
import { type FetchCounters, fetchFragments } from "./fetch-fragments.ts";
import type { FragmentCall } from "./fragment-requests.ts";
import { mergeFrames } from "./merge-frames.ts";
import { type FragmentRows, rowsOfFiles, rowsOfFragment, withRelations } from "./relation.ts";

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
): Promise<RowStream> {
  const passed = plan.final.kind === "pass-through" ? plan.fragments[plan.final.fragment] : undefined;
  if (passed !== undefined && wrap === undefined) return passThrough(passed, calls, tools, signal);
  const found = await fetchFragments(plan.fragments, calls, tools, signal);
  const parameters: ListParameter[] = [];
  const relations = new Map(
    plan.fragments.map((fragment) => [
      fragment.relation,
      `(${rowsOfFragment(fragment, found.get(fragment.id) ?? nothing, parameters)})`,
    ]),
  );
  const sql =
    plan.final.kind === "statement"
      ? withRelations(plan.final.sql, relations)
      : `SELECT * FROM ${relations.get(passed?.relation ?? "") ?? ""}`;
  const connection = await acquire(tools);
  const text = wrap === undefined ? sql : wrap(sql);
  return parameters.length === 0
    ? connection.stream(text, { signal })
    : connection.streamOver(text, parameters, { signal });
}

const nothing: FragmentRows = { files: [], inline: [] };

async function acquire(tools: RunTools): Promise<Connection> {
  const connection = await tools.database.acquire();
  tools.cleanup.push(() => connection.release());
  return connection;
}

/** The fragment's rows as they come, frame by frame. */
async function passThrough(
  fragment: PlannedFragment,
  calls: readonly FragmentCall[],
  tools: RunTools,
  signal: AbortSignal,
): Promise<RowStream> {
  const frames = mergeFrames(calls, tools, signal);
  tools.cleanup.push(() => frames.return());
  let connection: Connection | undefined;
  const open = async (files: readonly string[]) => {
    connection ??= await acquire(tools);
    return connection.stream(rowsOfFiles(fragment, files), { signal });
  };
  const read = (frame: Uint8Array) =>
    isInlineFrame(frame) ? inlineStream(fragment, frame) : readFile(frame, tools.spool, open);
  const first = await frames.next();
  if (first.done === true) return open([]);
  if (calls.some(({ request }) => request.recordBatches === true)) {
    return { ...batchColumns(fragment), batches: batches(first.value, frames, read) };
  }
  const stream = await read(first.value);
  async function* chunks(): AsyncGenerator<DuckDBDataChunk, void, undefined> {
    yield* stream.chunks;
    for await (const frame of frames) yield* (await read(frame)).chunks;
  }
  return { columns: stream.columns, chunks: chunks() };
}

function batchColumns(fragment: PlannedFragment): ChunkStream {
  const types = batchTypes(fragment.columns) ?? [];
  const columns = types.map((duckType, i) => ({
    name: fragment.relationColumns[i]?.name ?? "",
    type: duckType.toString(),
    duckType,
  }));
  return { columns, chunks: notChunks() };
}

// biome-ignore lint/correctness/useYield: it fails before there is anything to yield
async function* notChunks(): AsyncGenerator<DuckDBDataChunk, void, undefined> {
  throw new Error("This result was asked for as record batches");
}

/** Record batches as they are, and the rows of executors that do not send such. */
async function* batches(
  first: Uint8Array,
  frames: AsyncIterable<Uint8Array>,
  read: (frame: Uint8Array) => ChunkStream | Promise<ChunkStream>,
): AsyncGenerator<Uint8Array | DuckDBDataChunk, void, undefined> {
  if (isBatchMessage(first)) yield first;
  else yield* (await read(first)).chunks;
  for await (const frame of frames) {
    if (isBatchMessage(frame)) yield frame;
    else yield* (await read(frame)).chunks;
  }
}

/** A Parquet frame through the engine; its file goes when its rows are read. */
async function readFile(
  frame: Uint8Array,
  spool: Spool,
  open: (files: readonly string[]) => Promise<ChunkStream>,
): Promise<ChunkStream> {
  const path = await spool.write(frame);
  const stream = await open([path]);
  async function* chunks(): AsyncGenerator<DuckDBDataChunk, void, undefined> {
    yield* stream.chunks;
    await spool.remove(path);
  }
  return { columns: stream.columns, chunks: chunks() };
}

/** The rows of an inline frame need no engine. */
function inlineStream(fragment: PlannedFragment, frame: Uint8Array): ChunkStream {
  const types = inlineTypes(fragment.columns);
  if (types === undefined) throw new Error(`Fragment ${fragment.id} sent rows that it was not asked for`);
  const columns = fragment.relationColumns.map(({ name }, i) => {
    const { type: duckType } = types[i] as (typeof types)[number];
    return { name, type: duckType.toString(), duckType };
  });
  async function* chunks(): AsyncGenerator<DuckDBDataChunk, void, undefined> {
    for (const chunk of readInlineFrame(frame, types ?? [])) if (chunk.rowCount > 0) yield chunk;
  }
  return { columns, chunks: chunks() };
}
