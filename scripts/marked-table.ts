/** Tables in Markdown that are generated between two marks, `<!-- NAME -->` and `<!-- end of NAME -->`. */

/** A text without the marks of a table. */
export class MarkedTableError extends Error {
  override readonly name = "MarkedTableError";
}

/** The text with the table of this name replaced; the first row is its head. @throws MarkedTableError */
export function withTable(text: string, name: string, rows: readonly (readonly string[])[]): string {
  const marks = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*(<!-- end of ${name} -->)`);
  if (!marks.test(text)) throw new MarkedTableError(`there is no place for the table \`${name}\``);
  const lines = rows.map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`);
  const [head = "", ...body] = lines;
  const table = [head, `|${" --- |".repeat(rows[0]?.length ?? 0)}`, ...body].join("\n");
  return text.replace(marks, (_all, start: string, end: string) => `${start}${table}\n${end}`);
}
