import { withColumns } from "../../../adapters/duckdb/vector/raw-vector.ts";
import type { ChunkStream, SqlColumn } from "../../../ports/database.ts";
import { arrowField, arrowSchemaJson } from "./arrow/schema-json.ts";
import { pieceSize, type ResultFormat } from "./format.ts";
import { jsonCells } from "./text/cell-text.ts";

/** An array with one object a row. */
export const jsonFormat: ResultFormat = {
  contentType: "application/json",
  async *encode(result) {
    yield* wrapped(result, "[", () => "]");
  },
};

/** `{"schema", "data", "row_count"}`; the count comes last because the rows are streamed. */
export const vendorJsonFormat: ResultFormat = {
  contentType: "application/vnd.spiceai.sql.v1+json",
  async *encode(result) {
    const schema = JSON.stringify(arrowSchemaJson(result.columns.map((c) => arrowField(c.name, c.duckType))));
    yield* wrapped(result, `{"schema":${schema},"data":[`, (rows) => `],"row_count":${rows}}`);
  },
};

async function* wrapped(
  result: Pick<ChunkStream, "columns" | "chunks">,
  before: string,
  after: (rows: number) => string,
): AsyncGenerator<string, void> {
  const types = result.columns.map((column) => column.duckType);
  const keys = uniqueNames(result.columns).map((name, i) => `${i === 0 ? "{" : ","}${JSON.stringify(name)}:`);
  let text = before;
  let rows = 0;
  for await (const chunk of result.chunks) {
    text += withColumns(chunk, types, (columns, count) => {
      const cells = columns.map(jsonCells);
      let part = "";
      for (let row = 0; row < count; row++) {
        part += rows++ === 0 ? "" : ",\n";
        for (let i = 0; i < cells.length; i++) part += keys[i]! + cells[i]!(row);
        part += "}";
      }
      return part;
    });
    if (text.length >= pieceSize) {
      yield text;
      text = "";
    }
  }
  yield text + after(rows);
}

/** Names that an object can have side by side: a repeated one gets `:1`, `:2`, … */
export function uniqueNames(columns: readonly SqlColumn[]): string[] {
  const taken = new Set<string>();
  const repeats = new Map<string, number>();
  return columns.map(({ name }) => {
    let unique = name;
    while (taken.has(unique)) {
      const count = (repeats.get(name) ?? 0) + 1;
      repeats.set(name, count);
      unique = `${name}:${count}`;
    }
    taken.add(unique);
    return unique;
  });
}
