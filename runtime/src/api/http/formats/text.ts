import { type DuckDBType, DuckDBTypeId } from "@duckdb/node-api";
import { withColumns } from "../../../adapters/duckdb/vector/raw-vector.ts";
import { TextTable } from "../../../core/text/text-table.ts";
import { pieceSize, type ResultFormat } from "./format.ts";
import { plainCells } from "./text/cell-text.ts";

/** How many rows decide the columns' widths. */
const widthRows = 2048;

const numeric: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.HUGEINT,
  DuckDBTypeId.UTINYINT,
  DuckDBTypeId.USMALLINT,
  DuckDBTypeId.UINTEGER,
  DuckDBTypeId.UBIGINT,
  DuckDBTypeId.UHUGEINT,
  DuckDBTypeId.FLOAT,
  DuckDBTypeId.DOUBLE,
  DuckDBTypeId.DECIMAL,
]);

/** A table in ASCII frames. NULL is an empty cell. */
export const textFormat: ResultFormat = {
  contentType: "text/plain; charset=utf-8",
  async *encode(result) {
    const types = result.columns.map((column) => column.duckType);
    const table = new TextTable(
      result.columns.map(({ name }) => name),
      types.map((type: DuckDBType) => numeric.has(type.typeId)),
    );
    let early: string[][] | undefined = [];
    let text = "";
    for await (const chunk of result.chunks) {
      const rows = withColumns(chunk, types, (columns, count) => {
        const cells = columns.map(plainCells);
        return Array.from({ length: count }, (_, row) => cells.map((cell) => cell(row) ?? ""));
      });
      if (early === undefined) text += table.rows(rows);
      else {
        early.push(...rows);
        if (early.length < widthRows) continue;
        text += table.begin(early);
        early = undefined;
      }
      if (text.length >= pieceSize) {
        yield text;
        text = "";
      }
    }
    if (early !== undefined) text += table.begin(early);
    yield text + table.end();
  },
};
