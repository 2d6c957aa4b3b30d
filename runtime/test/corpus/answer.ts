import { type DuckDBValueConverter, JsonDuckDBValueConverter } from "@duckdb/node-api";
import type { ChunkStream, Database, Json, SqlColumn } from "../../src/ports/database.ts";
import type { Answer } from "./query.ts";

/** Run a statement and keep its whole answer, columns by position. For tests: the answer is held in memory. */
export async function answerOf(
  database: Pick<Database, "withConnection">,
  sql: string,
  signal?: AbortSignal,
): Promise<Answer> {
  return database.withConnection(async (connection) =>
    readAnswer(await connection.stream(sql, signal === undefined ? {} : { signal })),
  );
}

/** Read a result to its end. */
export async function readAnswer(stream: ChunkStream): Promise<Answer> {
  const rows: Json[][] = [];
  const converter = JsonDuckDBValueConverter as DuckDBValueConverter<Json>;
  for await (const chunk of stream.chunks) rows.push(...chunk.convertRows(converter));
  return { columns: stream.columns.map(({ name, type }) => ({ name, type })), rows };
}

/**
 * An answer out of JSON objects such as `POST /v1/sql` returns. The columns come from elsewhere, for JSON has no types.
 * Throws when a row lacks a column or has another one, and for a name that stands for two columns.
 */
export function answerFromObjects(
  columns: readonly SqlColumn[],
  objects: readonly Readonly<Record<string, Json>>[],
): Answer {
  const names = columns.map((c) => c.name);
  if (new Set(names).size !== names.length)
    throw new Error(`Objects cannot carry two columns of one name: ${names.join(", ")}`);
  const rows = objects.map((object, i) => {
    const found = Object.keys(object);
    if (found.length !== names.length || names.some((n) => !(n in object)))
      throw new Error(`Row ${i} has columns ${found.join(", ")}; expected ${names.join(", ")}`);
    return names.map((name) => object[name]!);
  });
  return { columns, rows };
}
