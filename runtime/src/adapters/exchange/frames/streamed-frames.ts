import { wireCodec } from "../../../core/query/wire-type.ts";
import type { Database } from "../../../ports/database.ts";
import type { FrameEncoder, FrameSession } from "./frame-encoder.ts";

export interface StreamedOptions {
  readonly database: Database;
  readonly encoder: FrameEncoder;
  /** The statement in wire form, and the columns as DuckDB types. */
  readonly sql: string;
  readonly columns: readonly { readonly type: string }[];
  /** Waits for a turn to compute; gives the function that ends the turn. */
  readonly turn: () => Promise<() => void>;
  readonly signal: AbortSignal;
}

export interface Frame {
  readonly bytes: Uint8Array;
  readonly rows: number;
}

/** Frames that are written ahead of the reader. */
const ahead = 1;

/**
 * Run a statement at the pace of whoever pulls the frames. The engine stops when its small buffer is full, so a slow
 * reader costs a few frames of memory whatever the size of the result, and holds no turn while it does not pull.
 */
export async function* streamedFrames(options: StreamedOptions): AsyncGenerator<Frame, void> {
  const { database, encoder, sql, columns, turn, signal } = options;
  const connection = await database.acquire();
  const session = await encoder.session(columns.map(({ type }) => wireCodec(type).wireType));
  const written: { frame: Promise<Uint8Array>; rows: number }[] = [];
  let finished = false;
  try {
    let end = await turn();
    try {
      const stream = await connection.stream(sql, { signal });
      const chunks = stream.chunks[Symbol.asyncIterator]();
      for (;;) {
        finished = await fill(session, chunks);
        if (session.rows > 0) {
          const rows = session.rows;
          const frame = session.cut();
          frame.catch(() => undefined);
          written.push({ frame, rows });
        }
        while (written.length > (finished ? 0 : ahead)) {
          const next = written.shift() as (typeof written)[0];
          const bytes = await next.frame;
          signal.throwIfAborted();
          end();
          yield { bytes, rows: next.rows };
          signal.throwIfAborted();
          if (!finished) end = await turn();
        }
        if (finished) return;
      }
    } finally {
      end();
    }
  } finally {
    await session.close();
    // A statement on the same connection is what ends an open result and frees what it holds.
    if (!finished) await connection.run("SELECT 1");
    connection.release();
  }
}

/** Append chunks until a frame is full; true when the result has ended. */
async function fill<C extends { readonly rowCount: number }>(
  session: Pick<FrameSession, "isFull"> & { append(chunk: C): Promise<void> },
  chunks: AsyncIterator<C>,
): Promise<boolean> {
  while (!session.isFull) {
    const next = await chunks.next();
    if (next.done === true) return true;
    await session.append(next.value);
  }
  return false;
}
