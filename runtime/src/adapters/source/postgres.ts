import { quoteIdentifier, quoteLiteral } from "../../core/sql/quote.ts";
import type { Connection, Database } from "../../ports/database.ts";
import {
  type Source,
  type SourceColumn,
  SourceError,
  type SourceExpression,
  SourceParameterError,
  UnsupportedTypeError,
} from "../../ports/source.ts";
import { HeldSecret } from "../duckdb/held-secret.ts";
import { checkSourceParameters, type SourceDescription } from "./parameters.ts";

export const postgresDescription: SourceDescription = {
  name: "postgres",
  schemes: ["postgres"],
  parameters: [
    { name: "pg_host", description: "Host name or address.", type: "string", default: "localhost" },
    { name: "pg_port", description: "Port.", type: "integer", default: "5432" },
    { name: "pg_db", description: "Database.", type: "string", default: "postgres" },
    { name: "pg_user", description: "User.", type: "string" },
    { name: "pg_pass", description: "Password.", type: "string", secret: true },
    {
      name: "pg_sslmode",
      description: "How TLS is used, as libpq understands it.",
      type: { oneOf: ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] },
      default: "require",
    },
    { name: "pg_sslrootcert", description: "File of the certificate authority.", type: "string" },
    {
      name: "pg_connect_timeout",
      description: "Seconds to wait for a connection.",
      type: "integer",
      default: "10",
    },
    {
      name: "unsupported_type_action",
      description:
        "What to do with a column whose type would lose digits: refuse, read it as text, or leave it out.",
      type: { oneOf: ["error", "string", "ignore"] },
      default: "error",
    },
  ],
};

/**
 * A table of a PostgreSQL database through DuckDB's `postgres_scanner`: parallel ranges of the table on one exported
 * snapshot per scan, comparisons pushed down (spec chapter 05, Sources). No connection stays open between scans.
 */
export function openPostgres(
  database: Database,
  from: string,
  parameters: Readonly<Record<string, string>>,
): Source {
  checkSourceParameters(postgresDescription, parameters);
  return new PostgresSource(database, from, parameters);
}

interface Attached {
  readonly alias: string;
  detach(): Promise<void>;
}

interface PostgresColumn extends SourceColumn {
  /** The type in PostgreSQL's words. */
  readonly written: string;
  /** The type does not fit: its digits have no fixed place. */
  readonly unfit: boolean;
}

let counter = 0;

class PostgresSource implements Source {
  readonly location: string;
  readonly pushes = { projection: true, filters: true, objects: false };
  readonly #database: Database;
  readonly #parameters: Readonly<Record<string, string>>;
  readonly #schema: string;
  readonly #table: string;

  constructor(database: Database, from: string, parameters: Readonly<Record<string, string>>) {
    const match = /^postgres:(?:([^.]+)\.)?([^.]+)$/.exec(from);
    if (match === null) {
      throw new SourceParameterError(`'${from}' is no PostgreSQL table: expected postgres:schema.table`);
    }
    this.#schema = match[1] ?? "public";
    this.#table = match[2]!;
    this.#database = database;
    this.#parameters = parameters;
    const host = `${parameters["pg_host"] ?? "localhost"}:${parameters["pg_port"] ?? "5432"}`;
    this.location = `postgres://${host}/${parameters["pg_db"] ?? "postgres"}/${this.#schema}.${this.#table}`;
  }

  async schema(signal?: AbortSignal): Promise<readonly SourceColumn[]> {
    return this.#with(signal, async ({ alias }) => {
      const columns = this.#usable(await this.#columns(alias, signal));
      return columns.map(({ name, type, nullable, unfit }) => ({
        name,
        type: unfit ? "VARCHAR" : type,
        nullable,
      }));
    });
  }

  async open(_request: object, signal?: AbortSignal) {
    const attached = await this.#attach(signal);
    try {
      const all = await this.#columns(attached.alias, signal);
      const columns = this.#usable(all);
      return {
        relation: this.#relation(attached.alias, all, columns),
        position: null,
        // It reads one snapshot.
        isCurrent: async () => true,
        empty: false,
        close: () => attached.detach(),
      };
    } catch (error) {
      await attached.detach();
      throw this.#error(error, signal);
    }
  }

  async distinct(expressions: readonly SourceExpression[], signal?: AbortSignal) {
    return this.#with(signal, async ({ alias }) => {
      const options = signal === undefined ? {} : { signal };
      const pushed = expressions.every((e) => e.sourceSql !== undefined);
      const list = expressions.map((e, i) => `${pushed ? e.sourceSql : e.textSql} AS k${i}`).join(", ");
      const sql = pushed
        ? `SELECT * FROM postgres_query(${quoteLiteral(alias)}, ${quoteLiteral(`SELECT DISTINCT ${list} FROM ${this.#name()}`)})`
        : `SELECT DISTINCT ${list} FROM ${quoteIdentifier(alias)}.${this.#name()}`;
      const rows = await this.#database.rows(sql, options);
      return rows.map((row) =>
        expressions.map((_, i) => (row[`k${i}`] === null ? null : String(row[`k${i}`]))),
      );
    });
  }

  async close(): Promise<void> {}

  #name(): string {
    return `${quoteIdentifier(this.#schema)}.${quoteIdentifier(this.#table)}`;
  }

  #relation(alias: string, all: readonly PostgresColumn[], columns: readonly PostgresColumn[]): string {
    const table = `${quoteIdentifier(alias)}.${this.#name()}`;
    if (columns.some((c) => c.unfit)) {
      const list = columns.map((c) => {
        const name = quoteIdentifier(c.name);
        return c.unfit ? `${name}::text AS ${name}` : name;
      });
      return `postgres_query(${quoteLiteral(alias)}, ${quoteLiteral(`SELECT ${list.join(", ")} FROM ${this.#name()}`)})`;
    }
    if (columns.length === all.length) return table;
    return `(SELECT ${columns.map((c) => quoteIdentifier(c.name)).join(", ")} FROM ${table})`;
  }

  #usable(columns: readonly PostgresColumn[]): readonly PostgresColumn[] {
    const action = this.#parameters["unsupported_type_action"] ?? "error";
    if (action === "string") return columns;
    if (action === "ignore") return columns.filter((c) => !c.unfit);
    const unfit = columns.find((c) => c.unfit);
    if (unfit === undefined) return columns;
    throw new UnsupportedTypeError(
      `Column ${unfit.name} of ${this.location} has the type ${unfit.written}, which no type of the engine holds without loss. Give it a precision of at most 38 digits in the source, e.g. numeric(38,10), or set unsupported_type_action to string or ignore.`,
    );
  }

  async #columns(alias: string, signal: AbortSignal | undefined): Promise<readonly PostgresColumn[]> {
    const options = signal === undefined ? {} : { signal };
    const described = await this.#database.describe(
      `SELECT * FROM ${quoteIdentifier(alias)}.${this.#name()}`,
      options,
    );
    const catalog = `SELECT a.attname::text AS name, a.attnotnull AS required, format_type(a.atttypid, a.atttypmod) AS written
      FROM pg_attribute a WHERE a.attrelid = ${quoteLiteral(this.#name())}::regclass AND a.attnum > 0 AND NOT a.attisdropped`;
    const rows = await this.#database.rows(
      `SELECT * FROM postgres_query(${quoteLiteral(alias)}, ${quoteLiteral(catalog)})`,
      options,
    );
    const byName = new Map(rows.map((row) => [String(row["name"]), row]));
    return described.map((column) => {
      const row = byName.get(column.name);
      const written = String(row?.["written"] ?? "");
      return { ...column, nullable: row?.["required"] !== true, written, unfit: unfitNumeric(written) };
    });
  }

  async #with<T>(signal: AbortSignal | undefined, use: (attached: Attached) => Promise<T>): Promise<T> {
    const attached = await this.#attach(signal);
    try {
      return await use(attached);
    } catch (error) {
      throw this.#error(error, signal);
    } finally {
      await attached.detach();
    }
  }

  async #attach(signal: AbortSignal | undefined): Promise<Attached> {
    const p = this.#parameters;
    const secret = new HeldSecret(this.#database, "postgres", p);
    const alias = `spice_pg_${++counter}`;
    const connection = [
      `sslmode=${p["pg_sslmode"] ?? "require"}`,
      `connect_timeout=${p["pg_connect_timeout"] ?? "10"}`,
      "application_name=spice",
      ...(p["pg_sslrootcert"] === undefined
        ? []
        : [`sslrootcert='${p["pg_sslrootcert"].replace(/['\\]/g, "\\$&")}'`]),
    ].join(" ");
    const run = (work: (c: Connection) => Promise<unknown>) => this.#database.withConnection(work);
    try {
      await secret.put({
        HOST: p["pg_host"] ?? "localhost",
        PORT: p["pg_port"] ?? "5432",
        DATABASE: p["pg_db"] ?? "postgres",
        USER: p["pg_user"],
        PASSWORD: p["pg_pass"],
      });
      await run((c) =>
        c.run(
          `ATTACH ${quoteLiteral(connection)} AS ${alias} (TYPE postgres, SECRET ${secret.name}, READ_ONLY)`,
          signal === undefined ? {} : { signal },
        ),
      );
    } catch (error) {
      await secret.release();
      throw this.#error(error, signal);
    }
    return {
      alias,
      detach: async () => {
        await run((c) => c.run(`DETACH DATABASE IF EXISTS ${alias}`)).finally(() => secret.release());
      },
    };
  }

  #error(error: unknown, signal: AbortSignal | undefined): unknown {
    signal?.throwIfAborted();
    if ((error as Error).name !== "SqlError") return error;
    const message = (error as Error).message.replace(/password=\S+/gi, "password=…");
    const retryable = !/does not exist|permission denied|password authentication/i.test(message);
    return new SourceError(`${this.location} cannot be read: ${message}`, { cause: error, retryable });
  }
}

/** `numeric` without precision, of more than 38 digits, or with a scale outside of them: the scanner would round. */
function unfitNumeric(written: string): boolean {
  const match = /^numeric(?:\((\d+),(-?\d+)\))?(\[\])*$/.exec(written);
  if (match === null) return false;
  if (match[1] === undefined) return true;
  const [precision, scale] = [Number(match[1]), Number(match[2])];
  return precision > 38 || scale < 0 || scale > precision;
}
