import {
  type DuckDBConnection,
  type DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  LIST,
  ResultReturnType,
} from "@duckdb/node-api";
import {
  type ChunkStream,
  type Connection,
  type Database,
  type Json,
  type ListParameter,
  type PreparedStatement,
  type SqlColumn,
  SqlError,
  type SqlOptions,
} from "../../ports/database.ts";

export interface DatabaseOptions {
  /** A file, or `:memory:`. */
  readonly path?: string;
  /** Worker threads of the instance; set always, for the engine's default is every core of the host. */
  readonly threads: number;
  /** For example `512MB`; the engine's default is 80 % of the host's memory. */
  readonly memoryLimit?: string;
  /** Where the instance spills. */
  readonly tempDirectory?: string;
  /** Files of DuckDB's own signed extensions to load. */
  readonly extensions?: readonly string[];
  /** Further settings, by DuckDB's names. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Told once when the engine says that the whole instance is beyond use: only a new process has another. */
  readonly onInvalid?: (error: SqlError) => void;
}

/**
 * Open a DuckDB instance. Extensions are only ever loaded from the given files, with their signatures checked;
 * nothing is installed or looked up at run time. The session time zone is UTC on every node.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const instance = await DuckDBInstance.create(options.path ?? ":memory:", {
    threads: String(options.threads),
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    // Memory of finished statements goes back to the system. The allocator is one for the process: the instance that is
    // opened last decides, so that all of them have to say it.
    allocator_background_threads: "true",
    ...(options.memoryLimit === undefined ? {} : { memory_limit: options.memoryLimit }),
    ...(options.tempDirectory === undefined ? {} : { temp_directory: options.tempDirectory }),
    ...options.settings,
  });
  const database = new PooledDatabase(instance, options.onInvalid);
  try {
    await database.run("SET GLOBAL TimeZone = 'UTC'");
    for (const file of options.extensions ?? []) await database.run(`LOAD '${file.replaceAll("'", "''")}'`);
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

class PooledDatabase implements Database {
  readonly #instance: DuckDBInstance;
  readonly #idle: PooledConnection[] = [];
  readonly #all = new Set<PooledConnection>();
  #onInvalid: DatabaseOptions["onInvalid"];
  #closed = false;

  constructor(instance: DuckDBInstance, onInvalid: DatabaseOptions["onInvalid"]) {
    this.#instance = instance;
    this.#onInvalid = onInvalid;
  }

  async acquire(): Promise<Connection & { release(): void }> {
    if (this.#closed) throw new SqlError("The database is closed", { category: "Closed", sql: "" });
    const idle = this.#idle.pop();
    if (idle !== undefined) {
      idle.lent = true;
      return idle;
    }
    const giveBack = (c: PooledConnection) => {
      if (this.#closed) c.close();
      else this.#idle.push(c);
    };
    const failed = (error: SqlError) => {
      if (error.category !== "FATAL") return;
      this.#onInvalid?.(error);
      this.#onInvalid = undefined;
    };
    const connection = new PooledConnection(await this.#instance.connect(), giveBack, failed);
    this.#all.add(connection);
    return connection;
  }

  async withConnection<T>(use: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.acquire();
    try {
      return await use(connection);
    } finally {
      connection.release();
    }
  }

  run(sql: string, options?: SqlOptions): Promise<number> {
    return this.withConnection((c) => c.run(sql, options));
  }

  rows(sql: string, options?: SqlOptions): Promise<Record<string, Json>[]> {
    return this.withConnection((c) => c.rows(sql, options));
  }

  describe(sql: string, options?: SqlOptions): Promise<readonly SqlColumn[]> {
    return this.withConnection((c) => c.describe(sql, options));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const connection of this.#all) {
      connection.native.interrupt();
      if (!connection.lent) connection.close();
    }
    this.#instance.closeSync();
  }
}

const interruptAgainMs = 20;
/** Statements with parameters are few texts that run often: planning each anew costs more than most of them take. */
const keptStatements = 8;

class PooledConnection implements Connection {
  readonly native: DuckDBConnection;
  readonly #giveBack: (connection: PooledConnection) => void;
  readonly #failed: (error: SqlError) => void;
  readonly #kept = new Map<string, DuckDBPreparedStatement>();
  lent = true;

  constructor(
    native: DuckDBConnection,
    giveBack: (connection: PooledConnection) => void,
    failed: (error: SqlError) => void,
  ) {
    this.native = native;
    this.#giveBack = giveBack;
    this.#failed = failed;
  }

  release(): void {
    if (!this.lent) return;
    this.lent = false;
    this.#giveBack(this);
  }

  async run(sql: string, options?: SqlOptions): Promise<number> {
    return this.#guard(
      sql,
      options,
      async () => (await this.native.run(sql, parameters(options))).rowsChanged,
    );
  }

  async rows(sql: string, options?: SqlOptions): Promise<Record<string, Json>[]> {
    return this.#guard(sql, options, async () => {
      const values = parameters(options);
      const reader =
        values === undefined
          ? await this.native.runAndReadAll(sql)
          : await this.#withKept(sql, (statement) => {
              statement.bind(values);
              return statement.runAndReadAll();
            });
      return reader.getRowObjectsJson() as Record<string, Json>[];
    });
  }

  async prepare(sql: string): Promise<PreparedStatement> {
    const statement = await this.#guard(sql, undefined, () => this.native.prepare(sql));
    return {
      run: (options) => this.#guard(sql, options, async () => (await statement.run()).rowsChanged),
      stream: async (options) => {
        const result = await this.#guard(sql, options, () => statement.stream());
        return { columns: columnsOf(result), chunks: this.#chunks(sql, result, options) };
      },
      all: (options) =>
        this.#guard(sql, options, async () => {
          const result = await statement.run();
          const chunks = Array.from({ length: result.chunkCount }, (_, i) => result.getChunk(i));
          return { columns: columnsOf(result), chunks };
        }),
      close: () => statement.destroySync(),
    };
  }

  close(): void {
    for (const statement of this.#kept.values()) statement.destroySync();
    this.#kept.clear();
    this.native.closeSync();
  }

  async #withKept<T>(sql: string, use: (statement: DuckDBPreparedStatement) => Promise<T>): Promise<T> {
    const statement = this.#kept.get(sql) ?? (await this.native.prepare(sql));
    this.#kept.delete(sql);
    const result = await use(statement).catch((error: unknown) => {
      statement.destroySync();
      throw error;
    });
    this.#kept.set(sql, statement);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > keptStatements && oldest !== undefined) {
      this.#kept.get(oldest)?.destroySync();
      this.#kept.delete(oldest);
    }
    return result;
  }

  async stream(sql: string, options?: SqlOptions): Promise<ChunkStream> {
    const result = await this.#guard(sql, options, () => this.native.stream(sql, parameters(options)));
    return { columns: columnsOf(result), chunks: this.#chunks(sql, result, options) };
  }

  async streamOver(
    sql: string,
    lists: readonly ListParameter[],
    options?: Pick<SqlOptions, "signal">,
  ): Promise<ChunkStream> {
    const result = await this.#guard(sql, options, () =>
      this.#withKept(sql, (statement) => {
        lists.forEach(({ values, elementType }, i) => {
          statement.bindList(i + 1, values, LIST(elementType));
        });
        return statement.stream();
      }),
    );
    return { columns: columnsOf(result), chunks: this.#chunks(sql, result, options) };
  }

  async describe(sql: string, options?: SqlOptions): Promise<readonly SqlColumn[]> {
    // A prepared statement knows its columns, at half the price of DESCRIBE.
    return this.#guard(sql, options, async () => {
      const prepared = await this.native.prepare(sql);
      try {
        return Array.from({ length: prepared.columnCount }, (_, i) => ({
          name: prepared.columnName(i),
          type: prepared.columnType(i).toString(),
        }));
      } finally {
        prepared.destroySync();
      }
    });
  }

  async *#chunks(sql: string, result: DuckDBResult, options: SqlOptions | undefined) {
    for (;;) {
      const chunk = await this.#guard(sql, options, () => fetchChunk(result));
      if (chunk === null || chunk.rowCount === 0) return;
      yield chunk;
    }
  }

  async #guard<T>(sql: string, options: SqlOptions | undefined, work: () => Promise<T>): Promise<T> {
    const signal = options?.signal;
    signal?.throwIfAborted();
    // Again and again: the engine forgets an interrupt that comes before its worker has begun the statement.
    let repeat: NodeJS.Timeout | undefined;
    const interrupt = () => {
      this.native.interrupt();
      repeat = setInterval(() => this.native.interrupt(), interruptAgainMs);
    };
    signal?.addEventListener("abort", interrupt, { once: true });
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      const failure = sqlError(error, sql);
      this.#failed(failure);
      throw failure;
    } finally {
      signal?.removeEventListener("abort", interrupt);
      clearInterval(repeat);
    }
  }
}

/**
 * The next chunk. A result that fails in the middle looks as if it ended there; only its return type then says that
 * it is none, and the engine's text is out of reach.
 */
async function fetchChunk(result: DuckDBResult): Promise<DuckDBDataChunk | null> {
  const chunk = await result.fetchChunk();
  if ((chunk === null || chunk.rowCount === 0) && result.returnType === ResultReturnType.INVALID) {
    throw new Error(
      "Query Error: the statement failed or was interrupted after the first rows of its result",
    );
  }
  return chunk;
}

function parameters(options: SqlOptions | undefined) {
  return options?.parameters === undefined ? undefined : [...options.parameters];
}

function columnsOf(result: DuckDBResult): ChunkStream["columns"] {
  const types = result.columnTypes();
  return result.columnNames().map((name, i) => {
    const duckType = types[i]!;
    return { name, type: duckType.toString(), duckType };
  });
}

function sqlError(error: unknown, sql: string): SqlError {
  // Not `instanceof Error`: the addon's errors may come from another realm (jest).
  const message = String((error as { message?: unknown }).message ?? error);
  // With parameters the statement is extracted first, which puts a prefix before the engine's own text.
  const text = message.replace(/^Failed to extract statements: /, "");
  const category = /^[A-Z][A-Za-z ]*?(?= Error)/.exec(text)?.[0] ?? "Unknown";
  return new SqlError(text, { category, sql, cause: error });
}
