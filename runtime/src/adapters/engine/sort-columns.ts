import { quoteIdentifier } from "../../core/sql/quote.ts";
import { AcceleratorParameterError } from "../../ports/accelerator.ts";
import type { SqlColumn } from "../../ports/database.ts";

/** SQL for `sort_columns: 'a, b desc'`. Throws when a column does not exist or the text has another shape. */
export function sortColumns(text: string | undefined, columns: readonly SqlColumn[]): string {
  if (text === undefined || text.trim() === "") return "";
  return text
    .split(",")
    .map((part) => {
      const match = /^\s*("(?:[^"]|"")+"|[^\s"]+)(?:\s+(asc|desc))?\s*$/i.exec(part);
      if (match === null) {
        throw new AcceleratorParameterError(
          `sort_columns: expected 'column' or 'column desc', found '${part.trim()}'`,
        );
      }
      const written = match[1]!.startsWith('"') ? match[1]!.slice(1, -1).replaceAll('""', '"') : match[1]!;
      const column = columns.find((c) => c.name.toLowerCase() === written.toLowerCase());
      if (column === undefined)
        throw new AcceleratorParameterError(`sort_columns: there is no column ${written}`);
      return `${quoteIdentifier(column.name)}${match[2]?.toLowerCase() === "desc" ? " DESC" : ""}`;
    })
    .join(", ");
}
