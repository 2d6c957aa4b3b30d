import { withColumns } from "../../../adapters/duckdb/vector/raw-vector.ts";
import { pieceSize, type ResultFormat } from "./format.ts";
import { plainCells } from "./text/cell-text.ts";

/** RFC 4180 with a header line. NULL is an empty field, an empty string a quoted one. */
export const csvFormat: ResultFormat = {
  contentType: "text/csv; charset=utf-8",
  async *encode(result) {
    const types = result.columns.map((column) => column.duckType);
    let text = `${result.columns.map(({ name }) => csvField(name)).join(",")}\r\n`;
    for await (const chunk of result.chunks) {
      text += withColumns(chunk, types, (columns, rows) => {
        const cells = columns.map(plainCells);
        let part = "";
        for (let row = 0; row < rows; row++) {
          for (let i = 0; i < cells.length; i++) part += (i === 0 ? "" : ",") + csvField(cells[i]!(row));
          part += "\r\n";
        }
        return part;
      });
      if (text.length >= pieceSize) {
        yield text;
        text = "";
      }
    }
    yield text;
  },
};

export function csvField(text: string | undefined): string {
  if (text === undefined) return "";
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
