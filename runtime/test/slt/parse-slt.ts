/** One record of an `.slt` file: sqllogictest's format with a few directives of our own. */
export type SltRecord =
  | {
      readonly kind: "table";
      readonly line: number;
      readonly name: string;
      readonly partitionBy: readonly string[];
      readonly select: string;
    }
  | { readonly kind: "view"; readonly line: number; readonly name: string; readonly select: string }
  | { readonly kind: "error"; readonly line: number; readonly pattern: string; readonly sql: string }
  | {
      readonly kind: "query";
      readonly line: number;
      readonly sort: "nosort" | "rowsort";
      /** Strategies that the plan must have, joined by `+`; undefined when the file does not say. */
      readonly strategy: string | undefined;
      readonly sql: string;
      readonly expected: readonly string[];
    };

/**
 * Read a file. Records are divided by empty lines and begin with one of
 * `table NAME [partition by EXPRESSION; …]`, `view NAME`, `statement error [PATTERN]`,
 * `query [nosort|rowsort] [STRATEGY]`; lines before them that begin with `#` are comments.
 */
export function parseSlt(text: string): readonly SltRecord[] {
  const records: SltRecord[] = [];
  let line = 1;
  for (const block of text.trimEnd().split(/\n{2,}/)) {
    const lines = block.split("\n");
    const start = lines.findIndex((l) => l.trim() !== "" && !l.startsWith("#"));
    if (start >= 0) records.push(parseRecord(lines.slice(start), line + start));
    line += lines.length + 1;
  }
  return records;
}

function parseRecord([head = "", ...body]: readonly string[], line: number): SltRecord {
  const cut = body.indexOf("----");
  const sql = (cut < 0 ? body : body.slice(0, cut)).join("\n").trim();
  const [word, ...rest] = head.trim().split(/\s+/);
  switch (word) {
    case "table": {
      const by = /partition by (.*)$/.exec(head)?.[1];
      const partitionBy = by === undefined ? [] : by.split(";").map((part) => part.trim());
      const name = (/^table\s+("[^"]+"|\S+)/.exec(head)?.[1] ?? "").replaceAll('"', "");
      return { kind: "table", line, name, partitionBy, select: sql };
    }
    case "view":
      return { kind: "view", line, name: rest[0] ?? "", select: sql };
    case "statement":
      return { kind: "error", line, pattern: head.replace(/^statement error\s*/, ""), sql };
    case "query": {
      const sort = rest[0] === "rowsort" ? "rowsort" : "nosort";
      const strategy = rest.find((part) => part !== "rowsort" && part !== "nosort");
      return { kind: "query", line, sort, strategy, sql, expected: cut < 0 ? [] : body.slice(cut + 1) };
    }
    default:
      throw new Error(`line ${line}: unknown record ${JSON.stringify(head)}`);
  }
}

/** A row as the file holds it: values between tabs, NULL as it is, the empty string visible. */
export function printRow(row: readonly unknown[]): string {
  return row
    .map((value) => {
      if (value === null) return "NULL";
      if (value === "") return "(empty)";
      if (typeof value === "number" && !Number.isInteger(value)) return String(Number(value.toPrecision(9)));
      return typeof value === "object" ? JSON.stringify(value) : String(value).replaceAll("\n", "\\n");
    })
    .join("\t");
}
