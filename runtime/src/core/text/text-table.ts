/**
 * A table in ASCII frames. Widths come from the first rows, so that a long result can be printed as it arrives:
 * give those to {@link TextTable.begin}; a later cell that is wider sticks out.
 */
export class TextTable {
  readonly #names: readonly string[];
  readonly #right: readonly boolean[];
  #widths: readonly number[] = [];

  /** `right` says which columns are set flush right. */
  constructor(names: readonly string[], right: readonly boolean[] = []) {
    this.#names = names;
    this.#right = right;
  }

  /** Fix the widths by these rows, and give the head and the rows. */
  begin(rows: readonly (readonly string[])[]): string {
    const widths = this.#names.map((name) => displayWidth(name));
    for (const row of rows) {
      for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i]!, displayWidth(oneLine(cell)));
    }
    this.#widths = widths;
    return `${this.#rule()}${this.#line(this.#names)}${this.#rule()}${this.rows(rows)}`;
  }

  rows(rows: readonly (readonly string[])[]): string {
    return rows.map((row) => this.#line(row)).join("");
  }

  end(): string {
    return this.#rule();
  }

  #rule(): string {
    return `+${this.#widths.map((width) => "-".repeat(width + 2)).join("+")}+\n`;
  }

  #line(cells: readonly string[]): string {
    const padded = cells.map((cell, i) => {
      const text = oneLine(cell);
      const space = " ".repeat(Math.max(0, this.#widths[i]! - displayWidth(text)));
      return this.#right[i] === true ? ` ${space}${text} ` : ` ${text}${space} `;
    });
    return `|${padded.join("|")}|\n`;
  }
}

/** A whole table at once. */
export function textTable(
  names: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly boolean[] = [],
): string {
  const table = new TextTable(names, right);
  return table.begin(rows) + table.end();
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const controls = /[\u0000-\u001f\u007f]/g;

function oneLine(text: string): string {
  return text.replace(controls, (c) =>
    c === "\n" ? "\\n" : c === "\t" ? "\\t" : c === "\r" ? "\\r" : "\ufffd",
  );
}

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}]/gu;

function displayWidth(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII
  if (/^[\x00-\x7f]*$/.test(text)) return text.length;
  const characters = [...text.replace(/\p{M}/gu, "")].length;
  return characters + (text.match(wide)?.length ?? 0);
}
