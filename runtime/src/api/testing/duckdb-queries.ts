import type { ChunkStream, Database, SqlValue } from "../../ports/database.ts";
import type { QueryRequest, QueryResult, QueryService } from "../../ports/query-service.ts";

/** A query service over one engine in this process, for tests of what stands on a query service. */
export class DuckDbQueries implements QueryService {
  readonly #database: Database;
  /** Results that were handed out and not closed yet. */
  open = 0;
  /** Chunks that were pulled from all results. */
  chunksPulled = 0;
  /** Signals of the requests, in order. */
  readonly signals: AbortSignal[] = [];
  readonly requests: QueryRequest[] = [];

  constructor(database: Database) {
    this.#database = database;
  }

  async query(request: QueryRequest): Promise<QueryResult> {
    this.requests.push(request);
    this.signals.push(request.signal);
    const connection = await this.#database.acquire();
    let stream: ChunkStream;
    try {
      stream = await connection.stream(request.sql, {
        parameters: (request.parameters ?? []) as SqlValue[],
        signal: request.signal,
      });
    } catch (error) {
      connection.release();
      throw error;
    }
    this.open += 1;
    let closed = false;
    return {
      queryId: "query-1",
      columns: stream.columns,
      chunks: this.#counted(stream),
      stats: {
        strategy: "push-down",
        executors: ["exec-0:50052", "exec-1:50052"],
        partitionsTotal: 12,
        partitionsRead: 3,
        fetchedBytes: 0,
        fetchedRows: 0,
        planningMs: 1,
      },
      close: async () => {
        if (closed) return;
        closed = true;
        this.open -= 1;
        connection.release();
      },
    };
  }

  async *#counted(stream: ChunkStream) {
    for await (const chunk of stream.chunks) {
      this.chunksPulled += 1;
      yield chunk;
    }
  }
}
