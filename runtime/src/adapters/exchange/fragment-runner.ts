import { mkdir, rm } from "node:fs/promises";
import { Recent } from "../../core/recent.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { FragmentRequest, FragmentResult, FragmentRunner, FragmentStats } from "../../ports/exchange.ts";
import { ResourceExhaustedError, StalePlanError } from "../../ports/exchange.ts";
import type { PartitionStore, PinnedRelations } from "../../ports/partition-store.ts";
import { faultPoint } from "../system/fault-point.ts";
import { JointAbort } from "../system/joint-abort.ts";
import { FairQueue } from "./fair-queue.ts";
import { type BoundScan, fragmentSql, plainFragmentSql, sampleSql } from "./fragment-sql.ts";
import { directFrames } from "./frames/direct-frames.ts";
import { type FrameCompression, FrameEncoder, frameFormat } from "./frames/frame-encoder.ts";
import { inlineRows } from "./frames/inline-rows.ts";
import { inlineTypes } from "./frames/inline-type.ts";
import { batchTypes, recordBatchFrames } from "./frames/record-batches.ts";
import { ResultSizes } from "./frames/result-sizes.ts";
import { RowWiseCheck } from "./frames/row-wise-check.ts";
import { slicedFrames, slicedTables } from "./frames/sliced-frames.ts";
import { type Frame, streamedFrames } from "./frames/streamed-frames.ts";
import { endable } from "./grpc/endable.ts";
import { RepeatedCopies } from "./repeated-copies.ts";
import { RepeatedStatements } from "./repeated-statements.ts";

export interface FragmentRunnerOptions {
  /** The instance that serves queries and holds the partitions. It must be allowed to write below `directory`. */
  readonly database: Database;
  readonly partitions: PartitionStore;
  /** For frames on their way, best on a tmpfs. It belongs to the runner, which empties it at the start. */
  readonly directory: string;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly compression?: FrameCompression;
  /** Fragments that compute at a time, and that wait for it. Default 8 and 256. */
  readonly concurrent?: number;
  readonly waiting?: number;
  /** Bytes of frames that lie in `directory` at a time. Default 256 MiB. */
  readonly quotaBytes?: number;
  /** Memory of the instance that encodes streamed frames. Default 256 MB. */
  readonly encoderMemory?: string;
}

/** Below this many sampled rows grouping costs too little to think about. */
const fewRows = 20_000;
/** Share of groups in sampled rows above which grouping first does not pay. */
const uselessGrouping = 0.8;
/** A result that comes out of an aggregation is complete anyway: writing it at once beats doing it twice. */
const groupedLimit = 64 << 20;
const plainLimit = 4 << 20;
/** A Parquet file up to this size may as well be an inline frame. */
const smallFile = 32 << 10;

/** Runs fragments over pinned partitions of this node (spec chapter 07, One truth per query). */
export class LocalFragmentRunner implements FragmentRunner {
  readonly #options: FragmentRunnerOptions;
  readonly #encoder: FrameEncoder;
  readonly #queue: FairQueue;
  readonly #format: string;
  readonly #rowWise: RowWiseCheck;
  readonly #statements: RepeatedStatements;
  readonly #copies: RepeatedCopies;
  readonly #sizes = new ResultSizes();
  /** Statements whose results outgrew what is written at once. */
  readonly #large = new Recent<string, true>(200);
  readonly #useless = new Recent<string, boolean>(200);
  readonly #stopped = new AbortController();
  readonly #active = new Set<Promise<void>>();
  #spooled = 0;
  #attempts = 0;

  private constructor(options: FragmentRunnerOptions, encoder: FrameEncoder) {
    this.#options = options;
    this.#encoder = encoder;
    this.#format = frameFormat(options.compression ?? "lz4_raw");
    this.#statements = new RepeatedStatements(options.database);
    this.#copies = new RepeatedCopies(this.#statements, options.directory);
    this.#rowWise = new RowWiseCheck(options.database);
    this.#queue = new FairQueue({ concurrent: options.concurrent ?? 8, waiting: options.waiting ?? 256 });
  }

  static async open(options: FragmentRunnerOptions): Promise<LocalFragmentRunner> {
    await rm(options.directory, { recursive: true, force: true });
    await mkdir(options.directory, { recursive: true });
    const encoder = await FrameEncoder.open({
      directory: options.directory,
      memoryLimit: options.encoderMemory ?? "256MB",
      compression: options.compression ?? "lz4_raw",
    });
    return new LocalFragmentRunner(options, encoder);
  }

  /** Fragments that compute, and that wait for their turn. */
  get load(): { readonly running: number; readonly queued: number } {
    return { running: this.#queue.running, queued: this.#queue.queued };
  }

  /**
   * Nothing happens before the first frame is pulled; everything is released when the iteration ends, is left, or
   * fails, and at the deadline, an abort, or when a table closes, also while nobody pulls. Frames reject with
   * StalePlanError, ResourceExhaustedError, SqlError, or the reason of the abort.
   */
  run(request: FragmentRequest, signal: AbortSignal): FragmentResult {
    const { promise: stats, resolve, reject } = Promise.withResolvers<FragmentStats>();
    stats.catch(() => undefined); // reported through `frames` too
    const ending = new JointAbort();
    return { frames: endable(this.#frames(request, signal, ending, resolve, reject), ending.signal), stats };
  }

  /** Stop every fragment; resolves when none has anything pinned. */
  async stopAll(): Promise<void> {
    this.#stopped.abort(new ResourceExhaustedError("The node is shutting down"));
    await Promise.all(this.#active);
  }

  /** Stop every fragment, wait for them, and delete what they left. */
  async close(): Promise<void> {
    await this.stopAll();
    this.#statements.close();
    this.#encoder.close();
    await rm(this.#options.directory, { recursive: true, force: true });
  }

  async *#frames(
    request: FragmentRequest,
    caller: AbortSignal,
    ending: JointAbort,
    resolve: (stats: FragmentStats) => void,
    reject: (error: unknown) => void,
  ): AsyncGenerator<Uint8Array, void> {
    const started = this.#options.clock.monotonicMs();
    const over = Promise.withResolvers<void>();
    this.#active.add(over.promise);
    const pins: PinnedRelations[] = [];
    const total = { rows: 0, bytes: 0, ungrouped: false };
    const { signal } = ending;
    try {
      ending.follow(caller);
      ending.follow(this.#stopped.signal);
      ending.after(request.deadlineMs);
      signal.throwIfAborted();
      const scans = request.scans.map((scan): BoundScan => {
        const pinned = this.#options.partitions.pin(scan.table, scan.partitions);
        pins.push(pinned);
        for (const revoked of pinned.revoked) ending.follow(revoked);
        return { name: scan.name, relations: pinned.relations, columns: pinned.columns };
      });
      signal.throwIfAborted();
      for await (const frame of this.#run(request, scans, total, signal)) {
        total.rows += frame.rows;
        total.bytes += frame.bytes.byteLength;
        faultPoint("in-fragment");
        yield frame.bytes;
      }
      resolve({ ...total, durationMs: this.#options.clock.monotonicMs() - started });
    } catch (error) {
      const known = asRetriable(error);
      reject(known);
      throw known;
    } finally {
      ending.letGo();
      for (const pin of pins) pin.release();
      reject(signal.aborted ? signal.reason : new Error("The reader left before the last frame"));
      this.#active.delete(over.promise);
      over.resolve();
    }
  }

  async *#run(
    request: FragmentRequest,
    scans: readonly BoundScan[],
    total: { ungrouped: boolean },
    signal: AbortSignal,
  ): AsyncGenerator<Frame, void> {
    let admitted = false;
    const turn = async () => {
      // A result that has begun is not broken because many others wait.
      const end = await this.#queue.acquire(request.queryId, signal, admitted);
      admitted = true;
      return end;
    };
    if (yield* this.#recordBatches(request, scans, turn, signal)) return;
    const end = await turn();
    let sql: string;
    let chosen: string;
    try {
      const inline = await this.#inline(request, scans, signal);
      if (inline !== undefined) {
        end();
        yield inline;
        return;
      }
      total.ungrouped = await this.#groupingIsUseless(request, scans, signal);
      chosen = total.ungrouped && request.ungrouped !== undefined ? request.ungrouped.sql : request.sql;
      sql = fragmentSql(chosen, scans, request.columns);
      const direct = await this.#direct(sql, chosen, request, signal);
      if (direct !== undefined) {
        end();
        yield* direct;
        return;
      }
    } finally {
      end();
    }
    const { database, directory } = this.#options;
    const { columns } = request;
    const streamed = (statement: string) =>
      streamedFrames({ database, encoder: this.#encoder, sql: statement, columns, turn, signal });
    const [scan, ...more] = scans;
    if (scan === undefined || more.length > 0 || !(await this.#rowWise.isRowWise(chosen, scan.name))) {
      yield* streamed(sql);
      return;
    }
    const over = (relations: readonly string[]) => fragmentSql(chosen, [{ ...scan, relations }], columns);
    const { tables, others } = await slicedTables(database, scan.relations, signal);
    const prefix = `slice-${this.#attempts++}`;
    yield* slicedFrames({
      database,
      directory,
      prefix,
      sql: over,
      tables,
      format: this.#format,
      turn,
      signal,
    });
    if (others.length > 0) yield* streamed(over(others));
  }

  /** The result as record batches, when the reader takes them; false, without a frame, when it is not sent that way. */
  async *#recordBatches(
    request: FragmentRequest,
    scans: readonly BoundScan[],
    turn: () => Promise<() => void>,
    signal: AbortSignal,
  ): AsyncGenerator<Frame, boolean> {
    const { recordBatches, ungrouped, sql, columns } = request;
    // A fragment that may group first is a step of an aggregation: its rows are not an answer.
    const types = recordBatches === true && ungrouped === undefined ? batchTypes(columns) : undefined;
    if (types === undefined) return false;
    const text = plainFragmentSql(sql, scans);
    return yield* recordBatchFrames({ statements: this.#statements, sql: text, types, turn, signal });
  }

  /** The result as one frame without Parquet, when the reader takes that and it is expected to be small. */
  async #inline(
    request: FragmentRequest,
    scans: readonly BoundScan[],
    signal: AbortSignal,
  ): Promise<Frame | undefined> {
    const { inlineRows: maxRows = 0, columns, sql } = request;
    const types = maxRows > 0 && this.#sizes.expectSmall(sql) ? inlineTypes(columns) : undefined;
    if (types === undefined) return undefined;
    const text = plainFragmentSql(sql, scans);
    const frame = await inlineRows({ statements: this.#statements, sql: text, types, maxRows, signal });
    if (frame === undefined) this.#sizes.wasLarge(sql);
    else this.#sizes.wasSmall(sql);
    return frame;
  }

  async #direct(
    sql: string,
    written: string,
    request: FragmentRequest,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<Frame, void> | undefined> {
    const { quotaBytes = 256 << 20 } = this.#options;
    const unordered = !/\border\b/i.test(written);
    const grouped = unordered && /\b(group|distinct)\b/i.test(written);
    const limitBytes = Math.min(grouped ? groupedLimit : plainLimit, quotaBytes - this.#spooled);
    if (limitBytes <= 0 || this.#large.get(sql) === true) return undefined;
    this.#spooled += limitBytes;
    const direct = await directFrames({
      copies: this.#copies,
      sql,
      format: this.#format,
      limitBytes,
      unordered: grouped,
      signal,
    }).finally(() => {
      this.#spooled -= limitBytes;
    });
    if (direct !== undefined) {
      if (direct.bytes <= smallFile && direct.rows <= (request.inlineRows ?? 0))
        this.#sizes.wasSmall(written);
      return this.#spool(direct);
    }
    if (limitBytes >= plainLimit) this.#large.set(sql, true);
    return undefined;
  }

  async *#spool(direct: NonNullable<Awaited<ReturnType<typeof directFrames>>>): AsyncGenerator<Frame, void> {
    this.#spooled += direct.bytes;
    let { rows } = direct;
    try {
      for await (const bytes of direct.read()) {
        yield { bytes, rows };
        rows = 0; // the engine counts rows of all files together
      }
    } finally {
      this.#spooled -= direct.bytes;
      await direct.dispose();
    }
  }

  async #groupingIsUseless(
    request: FragmentRequest,
    scans: readonly BoundScan[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const { ungrouped } = request;
    const scan = scans.find(({ name }) => name === ungrouped?.scan);
    if (ungrouped === undefined || scan === undefined) return false;
    const sql = sampleSql(scan, ungrouped.sql, ungrouped.keys);
    if (sql === undefined) return false;
    // A version of a partition never changes, so neither does what its sample says.
    const known = this.#useless.get(sql);
    if (known !== undefined) return known;
    const [row] = await this.#options.database.rows(sql, { signal });
    const [rows, groups] = [Number(row?.["total"]), Number(row?.["groups"])];
    const useless = rows >= fewRows && groups / rows > uselessGrouping;
    this.#useless.set(sql, useless);
    return useless;
  }
}

/**
 * The engine's ways to say that memory or disk ran out become one retriable error. A file that it gave up as the disk was
 * full is attached again in moments: that is for the next plan.
 */
function asRetriable(error: unknown): unknown {
  // The encoder's instance throws the addon's plain errors.
  const message = String((error as { message?: unknown } | null)?.message);
  if (/has been invalidated because checkpointing|^Binder Error: Catalog ".*" does not exist/.test(message))
    return new StalePlanError(`The storage of a partition is being opened again: ${message}`, {
      cause: error,
    });
  return /^Out of Memory Error|No space left on device|max_temp_directory_size/.test(message)
    ? new ResourceExhaustedError(message, { cause: error })
    : error;
}
