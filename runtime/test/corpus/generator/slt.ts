import type { Json } from "../../../src/ports/database.ts";
import type { Answer, CorpusQuery } from "../query.ts";
import { parseType, type ValueType } from "../type.ts";
import { canonical } from "../value.ts";

/**
 * A statement and its expected rows as one record of a sqllogictest file:
 *
 *     # random-42
 *     query IT rowsort
 *     SELECT …
 *     ----
 *     1<tab>EU
 *     NULL<tab>(empty)
 *
 * One line per row, values separated by tabs. Letters: I integer, R decimal and float, T everything else. `nosort` only
 * where the order of the answer is determined by all of its columns, otherwise `rowsort`, with sorted lines.
 */
export function toSlt(query: Pick<CorpusQuery, "name" | "sql" | "comparison">, expected: Answer): string {
  const types = expected.columns.map((c) => parseType(c.type));
  const ordered = new Set(query.comparison.order.map((key) => key.column)).size === types.length;
  const lines = expected.rows.map((row) => row.map((value, i) => cell(types[i]!, value)).join("\t"));
  return [
    `# ${query.name}`,
    `query ${types.map(letter).join("")} ${ordered ? "nosort" : "rowsort"}`,
    query.sql,
    "----",
    ...(ordered ? lines : lines.sort()),
    "",
  ].join("\n");
}

function letter(type: ValueType): string {
  if (type.kind === "integer") return "I";
  return type.kind === "decimal" || type.kind === "float" ? "R" : "T";
}

function cell(type: ValueType, value: Json): string {
  if (value === null) return "NULL";
  const text = canonical(type, value);
  if (text === "") return "(empty)";
  return text.replace(/[\\\t\n\r]/g, (c) => ({ "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" })[c]!);
}
