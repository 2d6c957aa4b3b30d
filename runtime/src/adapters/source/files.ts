import { quoteIdentifier, quoteLiteral } from "../../core/sql/quote.ts";
import type { Database } from "../../ports/database.ts";
import {
  type Source,
  type SourceColumn,
  SourceError,
  type SourceExpression,
  SourceParameterError,
} from "../../ports/source.ts";
import { hiveKeys } from "./hive-path.ts";
import { localListing } from "./local-listing.ts";
import { newSince, type ObjectListing, positionOf, type SourceObject } from "./object-listing.ts";
import { checkSourceParameters, type SourceDescription } from "./parameters.ts";
import { s3Listing } from "./s3-listing.ts";

export const filesDescription: SourceDescription = {
  name: "files",
  schemes: ["file", "s3"],
  parameters: [
    {
      name: "file_format",
      description: "Format of the objects; by their extension when absent.",
      type: { oneOf: ["parquet", "csv", "json"] },
    },
    {
      name: "hive_partitioning",
      description: "Folders named `key=value` are columns.",
      type: "boolean",
      default: "false",
    },
    { name: "csv_has_header", description: "Whether the first line has the names.", type: "boolean" },
    { name: "csv_delimiter", description: "Sign between columns; found when absent.", type: "string" },
    { name: "csv_quote", description: "Sign around texts; found when absent.", type: "string" },
    { name: "csv_escape", description: "Sign before a quote; found when absent.", type: "string" },
    { name: "s3_region", description: "Region of the bucket.", type: "string", default: "us-east-1" },
    { name: "s3_endpoint", description: "URL of an S3-compatible store.", type: "string" },
    {
      name: "s3_auth",
      description: "`iam_role` takes the SDK's chain, `key` the two parameters below.",
      type: { oneOf: ["iam_role", "key"] },
      default: "iam_role",
    },
    { name: "s3_key", description: "Access key id, for `s3_auth: key`.", type: "string", secret: true },
    {
      name: "s3_secret",
      description: "Secret access key, for `s3_auth: key`.",
      type: "string",
      secret: true,
    },
    {
      name: "s3_session_token",
      description: "Session token of a temporary key.",
      type: "string",
      secret: true,
    },
  ],
};

const extensions: Readonly<Record<string, readonly string[]>> = {
  parquet: [".parquet", ".parq", ".pq"],
  csv: [".csv", ".csv.gz", ".csv.zst", ".tsv"],
  json: [".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz"],
};

/**
 * Files and objects: Parquet, CSV, JSON lines (spec chapter 05, Sources). The engine prunes columns, row groups and
 * Hive folders, and fetches only the byte ranges that it needs. The database needs `httpfs` for `s3://`.
 */
export function openFiles(
  database: Database,
  from: string,
  parameters: Readonly<Record<string, string>>,
): Source {
  const settings = Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [s3Alias(from, name), value]),
  );
  checkSourceParameters(filesDescription, settings);
  return new FilesSource(database, from, settings);
}

/** Object stores take their parameters with or without the prefix (spec chapter 06). */
function s3Alias(from: string, name: string): string {
  return from.startsWith("s3:") && /^(region|endpoint|auth|key|secret|session_token)$/.test(name)
    ? `s3_${name}`
    : name;
}

class FilesSource implements Source {
  readonly location: string;
  readonly pushes = { projection: true, filters: true, objects: true };
  readonly #database: Database;
  readonly #listing: ObjectListing;
  readonly #settings: Readonly<Record<string, string>>;

  constructor(database: Database, from: string, settings: Readonly<Record<string, string>>) {
    this.#database = database;
    this.#settings = settings;
    this.#listing = listingOf(database, from, settings);
    this.location = this.#listing.location;
  }

  async schema(signal?: AbortSignal): Promise<readonly SourceColumn[]> {
    const objects = await this.#objects(signal);
    await this.#listing.authorize(signal);
    const rows = await this.#guard(signal, () =>
      this.#database.describe(
        `SELECT * FROM ${this.#reader(objects)}`,
        signal === undefined ? {} : { signal },
      ),
    );
    return rows.map((column) => ({ ...column, nullable: true }));
  }

  async open(request: { after?: string; track?: boolean }, signal?: AbortSignal) {
    const all = await this.#objects(signal);
    await this.#listing.authorize(signal);
    const objects = request.after === undefined ? all : newSince(all, request.after);
    return {
      // With nothing new the schema is still wanted.
      relation:
        objects.length > 0
          ? this.#reader(objects)
          : `(SELECT * FROM ${this.#reader(all.slice(0, 1))} LIMIT 0)`,
      position: positionOf(all, request.track === true),
      empty: objects.length === 0,
      isCurrent: async (asking?: AbortSignal) => {
        // Objects that are new do not matter: they are not read.
        const now = new Map((await this.#listing.list(asking)).map(({ path, tag }) => [path, tag]));
        return objects.every(({ path, tag }) => now.get(path) === tag);
      },
      async close() {},
    };
  }

  async distinct(expressions: readonly SourceExpression[], signal?: AbortSignal) {
    const objects = await this.#objects(signal);
    await this.#listing.authorize(signal);
    const options = signal === undefined ? {} : { signal };
    const list = expressions.map((e, i) => `${e.textSql} AS k${i}`).join(", ");
    const rows = await this.#guard(signal, async () => {
      const folders = await this.#folders(objects, expressions, signal);
      return this.#database.rows(`SELECT DISTINCT ${list} FROM ${folders ?? this.#reader(objects)}`, options);
    });
    return rows.map((row) =>
      expressions.map((_, i) => (row[`k${i}`] === null ? null : String(row[`k${i}`]))),
    );
  }

  close(): Promise<void> {
    return this.#listing.close();
  }

  async #objects(signal: AbortSignal | undefined): Promise<readonly SourceObject[]> {
    const objects = await this.#listing.list(signal);
    if (objects.length > 0) return objects;
    throw new SourceError(`There is no file at ${this.location}`, { retryable: true });
  }

  /** The folders' values as a relation, when the expressions read nothing else; then no object is opened but one. */
  async #folders(
    objects: readonly SourceObject[],
    expressions: readonly SourceExpression[],
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    if (this.#settings["hive_partitioning"] !== "true") return undefined;
    const keys = objects.map((object) => hiveKeys(object.path));
    const columns = [...new Set(expressions.map((e) => e.column.toLowerCase()))];
    const lower = keys.map((map) => new Map([...map].map(([name, value]) => [name.toLowerCase(), value])));
    if (!columns.every((column) => lower.every((map) => map.has(column)))) return undefined;
    const schema = await this.#database.describe(
      `SELECT * FROM ${this.#reader(objects)}`,
      signal === undefined ? {} : { signal },
    );
    const list = columns.map((column, i) => {
      const known = schema.find((c) => c.name.toLowerCase() === column)!;
      return `CAST(v${i} AS ${known.type}) AS ${quoteIdentifier(known.name)}`;
    });
    const tuples = new Set(
      lower.map((map) => `(${columns.map((c) => literal(map.get(c) ?? null)).join(", ")})`),
    );
    const names = columns.map((_, i) => `v${i}`).join(", ");
    return `(SELECT ${list.join(", ")} FROM (VALUES ${[...tuples].join(", ")}) t(${names}))`;
  }

  #reader(objects: readonly SourceObject[]): string {
    const paths = `[${objects.map((o) => quoteLiteral(o.path)).join(", ")}]`;
    const hive = this.#settings["hive_partitioning"] === "true";
    // Files of different ages may have different columns; Hive folders keep to the first file's, to open no other.
    const options = [`hive_partitioning = ${hive}`, `union_by_name = ${!hive}`];
    switch (this.#format(objects)) {
      case "parquet":
        return `read_parquet(${paths}, ${options.join(", ")})`;
      case "json":
        return `read_json(${paths}, ${options.join(", ")})`;
      case "csv": {
        const { csv_has_header, csv_delimiter, csv_quote, csv_escape } = this.#settings;
        if (csv_has_header !== undefined) options.push(`header = ${csv_has_header}`);
        if (csv_delimiter !== undefined) options.push(`delim = ${quoteLiteral(csv_delimiter)}`);
        if (csv_quote !== undefined) options.push(`quote = ${quoteLiteral(csv_quote)}`);
        if (csv_escape !== undefined) options.push(`escape = ${quoteLiteral(csv_escape)}`);
        return `read_csv(${paths}, ${options.join(", ")})`;
      }
    }
  }

  #format(objects: readonly SourceObject[]): "parquet" | "csv" | "json" {
    const given = this.#settings["file_format"];
    if (given !== undefined) return given as "parquet" | "csv" | "json";
    const path = objects[0]!.path.toLowerCase();
    for (const format of ["parquet", "csv", "json"] as const) {
      if (extensions[format]!.some((e) => path.endsWith(e))) return format;
    }
    throw new SourceParameterError(
      `${objects[0]!.path} has no known extension: give file_format (parquet, csv or json) in params`,
    );
  }

  async #guard<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      if ((error as Error).name !== "SqlError") throw error;
      throw new SourceError(`${this.location} cannot be read: ${(error as Error).message}`, {
        cause: error,
        retryable: true,
      });
    }
  }
}

function listingOf(
  database: Database,
  from: string,
  settings: Readonly<Record<string, string>>,
): ObjectListing {
  const given = settings["file_format"];
  const wanted = given === undefined ? Object.values(extensions).flat() : extensions[given]!;
  if (from.startsWith("file:")) {
    const path = from.slice("file:".length).replace(/^\/\/(?=\/)/, "");
    return localListing(path, wanted);
  }
  const auth = settings["s3_auth"] ?? (settings["s3_key"] === undefined ? "iam_role" : "key");
  const [id, secret] = [settings["s3_key"], settings["s3_secret"]];
  if (auth === "key" && (id === undefined || secret === undefined)) {
    throw new SourceParameterError("s3_auth: key needs s3_key and s3_secret");
  }
  const session = settings["s3_session_token"];
  return s3Listing(
    database,
    {
      url: from,
      region: settings["s3_region"],
      endpoint: settings["s3_endpoint"],
      key:
        auth === "key"
          ? { id: id!, secret: secret!, ...(session === undefined ? {} : { session }) }
          : undefined,
    },
    wanted,
  );
}

function literal(value: string | null): string {
  return value === null ? "NULL" : quoteLiteral(value);
}
